// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"testing"
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// reader reads records as a guest does: through views of the segments, by spaces, offsets and
// the strides that the host states.
type reader struct {
	testing.TB
	windows [abi.NumSpaces]window
	spaces  [abi.NumSpaces][]byte
	strides [abi.NumRecords]uint32
	scratch []byte
}

type window struct {
	view arena.View
	mem  []byte
}

func newReader(tb testing.TB) *reader { return &reader{TB: tb} }

// sync brings the reader up to date with the store, as a guest is before a call.
func (r *reader) sync(s *snapshot.Store) {
	r.Helper()
	r.strides = s.Strides()
	for space, seg := range s.Spaces(abi.KnownParts) {
		if seg == nil || seg.Size() == 0 {
			continue
		}
		w := &r.windows[space]
		if w.view.Size() < seg.Size() {
			r.attach(w, seg)
		} else {
			w.view.Sync(seg, w.mem)
		}
		r.spaces[space] = w.mem
	}
}

func (r *reader) attach(w *window, seg *arena.Segment) {
	r.Helper()
	w.mem = make([]byte, seg.Size())
	if arena.Mapped {
		linear := arena.NewLinear(uint64(seg.Size()))
		r.Cleanup(linear.Free)
		w.mem = linear.Reallocate(uint64(seg.Size()))
	}
	if err := w.view.Attach(seg, w.mem); err != nil {
		r.Fatal(err)
	}
}

// useScratch makes the records of a scratch readable.
func (r *reader) useScratch(c *snapshot.Scratch) {
	r.scratch, r.spaces[abi.SpaceScratch] = c.Table(), c.Data()
}

// bytes is n bytes at an offset.
func (r *reader) bytes(off uint32, n int) []byte {
	r.Helper()
	if n == 0 {
		return nil
	}
	space, pos := off>>abi.SpaceShift, int(off&abi.OffsetMask)*abi.WordSize
	if pos+n > len(r.spaces[space]) {
		r.Fatalf("%d bytes at %d are outside of space %d of %d bytes", n, pos, space, len(r.spaces[space]))
	}
	return r.spaces[space][pos : pos+n]
}

func (r *reader) str(s abi.Str) string {
	r.Helper()
	return string(r.bytes(s.Off, int(s.Len)))
}

// node is the record in a slot.
func (r *reader) node(slot uint32) abi.NodeRecord {
	r.Helper()
	table := r.spaces[abi.SpaceNodes]
	if slot&abi.ScratchSlot != 0 {
		table = r.scratch
	}
	at := int(slot&^abi.ScratchSlot) * int(r.strides[abi.RecordNode])
	if at+int(r.strides[abi.RecordNode]) > len(table) {
		r.Fatalf("slot %#x is outside of the table of %d bytes", slot, len(table))
	}
	return *(*abi.NodeRecord)(unsafe.Pointer(&table[at]))
}

// growing decodes a list of records whose stride the host states.
func growing[T, V any](r *reader, l abi.List, record uint32, decode func(T) V) []V {
	r.Helper()
	return walk(r, l, int(r.strides[record]), decode)
}

// frozen decodes a list of Str or Label.
func frozen[T, V any](r *reader, l abi.List, decode func(T) V) []V {
	r.Helper()
	var zero T
	return walk(r, l, int(unsafe.Sizeof(zero)), decode)
}

func walk[T, V any](r *reader, l abi.List, stride int, decode func(T) V) (out []V) {
	r.Helper()
	if l.Count > 0 && l.Off*abi.WordSize%8 != 0 {
		r.Errorf("list at offset %#x is not aligned to 8 bytes", l.Off)
	}
	b := r.bytes(l.Off, int(l.Count)*stride)
	for i := range int(l.Count) {
		out = append(out, decode(*(*T)(unsafe.Pointer(&b[i*stride]))))
	}
	return out
}

func (r *reader) labels(l abi.List) []pair {
	r.Helper()
	return frozen(r, l, func(v abi.Label) pair { return pair{r.str(v.Key), r.str(v.Value)} })
}

func (r *reader) strs(l abi.List) []string {
	r.Helper()
	return frozen(r, l, r.str)
}

func (r *reader) quantities(l abi.List) []amount {
	r.Helper()
	return growing(r, l, abi.RecordQuantity, func(q abi.Quantity) amount { return amount{r.str(q.Name), q.Value} })
}

// pair is a label or an annotation, amount a quantity.
type (
	pair   struct{ Key, Value string }
	amount struct {
		Name  string
		Value int64
	}
)
