// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// view is where the host's records are during one call. Few files turn offsets into pointers:
// this one, labels.go, and node.go and quantities.go for speed.
type view struct {
	bases   [abi.NumSpaces]unsafe.Pointer
	strides *[abi.NumRecords]uint32
	// tables are where the records of slots are, without and with abi.ScratchSlot.
	tables     [2]unsafe.Pointer
	nodeStride uintptr
	// slots are those of the call; scratch is how many records of tables[1] they select, -1 if nobody
	// counted yet.
	slots   []uint32
	scratch int
	reads   Reads
	keys    keyCache
	zone    valueEntry
	region  valueEntry
}

// set points the view at the memory of a call.
func (v *view) set(c *hook.Call) {
	v.bases = c.Bases
	v.strides = c.Strides
	v.tables = [2]unsafe.Pointer{c.Bases[abi.SpaceNodes], c.Scratch}
	v.nodeStride = v.stride(abi.RecordNode)
	v.slots, v.scratch = c.Slots, -1
}

// forget drops what was remembered about strings; they may have moved.
func (v *view) forget() {
	v.keys = keyCache{}
	v.zone, v.region = noValue, noValue
}

func (v *view) at(off uint32) unsafe.Pointer {
	return unsafe.Add(v.bases[off>>abi.SpaceShift], uintptr(off&abi.OffsetMask)*abi.WordSize)
}

func (v *view) str(s abi.Str) string {
	// unsafe.String would check a length and a sum that cannot be wrong, in every accessor.
	header := struct {
		data unsafe.Pointer
		size int
	}{v.at(s.Off), int(s.Len)}
	return *(*string)(unsafe.Pointer(&header))
}

// node is the record of a slot.
func (v *view) node(slot uint32) *abi.NodeRecord {
	return (*abi.NodeRecord)(unsafe.Add(v.tables[slot/abi.ScratchSlot], uintptr(slot&^abi.ScratchSlot)*v.nodeStride))
}

// move makes n the node of another slot. It goes around the garbage collector's write barrier,
// which would cost as much as the rest: the record is in memory that the call holds on to.
func (n *Node) move(v *view, slot uint32) {
	*(*uintptr)(unsafe.Pointer(&n.rec)) = uintptr(unsafe.Pointer(v.node(slot)))
}

// slot is that of a record: in scratch, if it is one of those, else in the node table.
func (v *view) slot(rec *abi.NodeRecord) uint32 {
	if v.scratch < 0 {
		v.countScratch()
	}
	from := uintptr(unsafe.Pointer(rec)) - uintptr(v.tables[1])
	if v.scratch > 0 && from < uintptr(v.scratch)*v.nodeStride {
		return uint32(from/v.nodeStride) | abi.ScratchSlot
	}
	return uint32((uintptr(unsafe.Pointer(rec)) - uintptr(v.tables[0])) / v.nodeStride)
}

func (v *view) countScratch() {
	v.scratch = 0
	for _, slot := range v.slots {
		if slot&abi.ScratchSlot != 0 {
			v.scratch = max(v.scratch, int(slot&^abi.ScratchSlot)+1)
		}
	}
}

// need panics unless the policy declared that it reads a part.
func (v *view) need(part Reads) {
	if v.reads&part == 0 {
		undeclared(part)
	}
}

//go:noinline
func undeclared(part Reads) {
	p := parts[part]
	panic("stowage: " + p.accessor + " was called but not declared: add stowage." + p.flag + " to Register")
}

// stride is the distance between records of one kind, by the host's account: records may have
// grown since this code was built.
func (v *view) stride(record uint32) uintptr { return uintptr(v.strides[record]) }

// seq iterates over records of type R, each turned into a T, if part is declared. It must stay
// small enough for accessors to be inlined: then ranging over one allocates nothing.
func seq[R, T any](v *view, part Reads, l abi.List, record uint32, convert func(*view, *R) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		v.need(part)
		if l.Count == 0 {
			return
		}
		p, stride := v.at(l.Off), v.stride(record)
		for i := range l.Count {
			if !yield(convert(v, (*R)(unsafe.Add(p, uintptr(i)*stride)))) {
				return
			}
		}
	}
}

// stringsOf iterates over a list of Str.
func stringsOf(v *view, l abi.List) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range l.Count {
			if !yield(v.str(*(*abi.Str)(unsafe.Add(v.at(l.Off), uintptr(i)*unsafe.Sizeof(abi.Str{}))))) {
				return
			}
		}
	}
}
