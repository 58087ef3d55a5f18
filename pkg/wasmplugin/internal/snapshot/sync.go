// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"errors"
	"fmt"
	"math/bits"
	"sync/atomic"
	"unsafe"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Sync brings every record up to date with the scheduler's node list at the start of a cycle. It
// looks at each node's generation; Follow does without.
//
// settled is false in pod-group cycles: there the scheduler changes NodeInfos in place and
// puts their old generation back, so what is encoded now is encoded again next time.
//
// The list is the scheduler's own slice: while it is the same slice, it has the same nodes in
// the same order, because the scheduler makes a new one for every addition and removal.
func (s *Store) Sync(list []fwk.NodeInfo, settled bool) error {
	if err := s.Acquire(); err != nil {
		return err
	}
	s.follow(list)
	for w := range s.noticed {
		s.noticed[w].Store(0)
	}
	for i, info := range list {
		s.refresh(i, info, settled)
	}
	return errors.Join(s.fault(), s.Release())
}

// Follow is Sync for policies that only look at nodes that they are asked about. It brings new
// nodes up to date and those that Position or Current found to have changed; the others' records
// may be old, which Position and Current tell. So it costs nothing per node that is neither.
func (s *Store) Follow(list []fwk.NodeInfo, settled bool) error {
	if err := s.Acquire(); err != nil {
		return err
	}
	s.follow(list)
	for w := range s.noticed {
		for rest := s.noticed[w].Swap(0); rest != 0; rest &= rest - 1 {
			i := w*64 + bits.TrailingZeros64(rest)
			s.refresh(i, list[i], settled)
		}
	}
	return errors.Join(s.fault(), s.Release())
}

// refresh encodes the node at position i if it changed.
func (s *Store) refresh(i int, info fwk.NodeInfo, settled bool) {
	g := info.GetGeneration()
	if g == s.genAt[i] {
		return
	}
	s.encode(i, info)
	if !settled {
		g = stale
	}
	s.genAt[i] = g
}

// follow makes the list the current one, so that the records can be brought up to date.
func (s *Store) follow(list []fwk.NodeInfo) {
	if parts := abi.Parts(s.want.Load()); parts != s.parts || s.wasteful() {
		s.rebuild(parts)
	}
	if !sameSlice(s.list, list) {
		s.relist(list)
	}
	s.changed = 0
}

func sameSlice(a, b []fwk.NodeInfo) bool {
	return a != nil && len(a) == len(b) && unsafe.SliceData(a) == unsafe.SliceData(b)
}

func (s *Store) wasteful() bool {
	return s.data.wasteful() || s.notes.wasteful() || s.pods.wasteful()
}

// rebuild empties the heaps, so that garbage goes and the next loop encodes every node. What
// guests remember of offsets ends with the epoch. The list is forgotten: none is the same as nil.
func (s *Store) rebuild(parts abi.Parts) {
	s.parts = parts
	s.epoch++
	for _, h := range s.heaps() {
		h.clear()
		h.rebuilt = 0
	}
	for i := range s.slots {
		s.slots[i].node, s.slots[i].object = node{}, nil
	}
	for i := range s.genAt {
		s.genAt[i] = stale
	}
	s.list = nil
}

func (s *Store) heaps() [3]*heap { return [3]*heap{s.data, s.notes, s.pods} }

// fault reports what went wrong while encoding. The records are then unusable and the next
// Sync starts over.
func (s *Store) fault() error {
	var errs []error
	for _, h := range s.heaps() {
		errs = append(errs, h.err)
		if h.rebuilt == 0 {
			h.rebuilt = h.used
		}
	}
	err := errors.Join(errs...)
	if err != nil {
		s.parts = 0
		s.rebuild(0)
	}
	return err
}

// relist follows a change of the node set or its order: nodes that went lose their slot, new
// ones get one, the others keep theirs and are not encoded again.
func (s *Store) relist(list []fwk.NodeInfo) {
	gens := make(map[uint32]int64, len(s.slotAt))
	for i, at := range s.slotAt {
		gens[at] = s.genAt[i]
		if s.isNoticed(i) {
			gens[at] = stale
		}
		s.slots[at].at = stale
	}
	s.list = list
	s.slotAt = make([]uint32, len(list))
	s.genAt = make([]int64, len(list))
	s.noticed = make([]atomic.Uint64, (len(list)+63)/64)
	s.position = make(map[unsafe.Pointer]int32, len(list))
	for i, info := range list {
		at, known := s.claim(info)
		s.slots[at].at = int32(i)
		s.slotAt[i], s.genAt[i] = at, stale
		if g, ok := gens[at]; known && ok {
			s.genAt[i] = g
		}
		if s.genAt[i] == stale {
			s.notice(i)
		}
		s.position[pointer(info)] = int32(i)
	}
	s.sweep()
}

// claim finds or makes the slot of a node.
func (s *Store) claim(info fwk.NodeInfo) (at uint32, known bool) {
	name := nodeName(info)
	if at, ok := s.byName[name]; ok {
		return at, true
	}
	if n := len(s.vacant); n > 0 {
		at, s.vacant = s.vacant[n-1], s.vacant[:n-1]
	} else {
		at = uint32(len(s.slots))
		s.slots = append(s.slots, slot{})
	}
	s.slots[at].name = name
	s.byName[name] = at
	return at, false
}

// sweep frees the slots of nodes that are no longer listed.
func (s *Store) sweep() {
	for i := range s.slots {
		sl := &s.slots[i]
		if sl.at != stale || sl.name == "" {
			continue
		}
		delete(s.byName, sl.name)
		s.release(&sl.node, 0, numBlocks)
		*sl = slot{at: stale}
		s.write(uint32(i), &abi.NodeRecord{})
		s.vacant = append(s.vacant, uint32(i))
	}
}

func nodeName(info fwk.NodeInfo) string {
	if obj := info.Node(); obj != nil {
		return obj.Name
	}
	// A NodeInfo without a Node is not scheduled to; any stable unique name does.
	return fmt.Sprintf("\x00%p", pointer(info))
}

// pointer identifies a NodeInfo: the snapshot keeps a node's object for as long as it lists it.
func pointer(info fwk.NodeInfo) unsafe.Pointer {
	return (*[2]unsafe.Pointer)(unsafe.Pointer(&info))[1]
}

// encode brings the record of the node at position i up to date.
func (s *Store) encode(i int, info fwk.NodeInfo) {
	s.changed++
	at := s.slotAt[i]
	sl := &s.slots[at]
	obj := info.Node()
	if obj == nil {
		s.write(at, &abi.NodeRecord{})
		return
	}
	to := sinks{data: s.data, annotations: s.notes, pods: s.pods}
	if obj != sl.object {
		s.release(&sl.node, 0, numBlocks)
		sl.rec = abi.NodeRecord{}
		sl.encodeObject(to, s.parts, obj)
		sl.object = obj
	} else {
		s.releaseUsage(&sl.node)
	}
	sl.encodeUsage(to, s.parts, info)
	s.write(at, &sl.rec)
}

func (s *Store) releaseUsage(n *node) {
	for _, b := range usageBlocks {
		s.release(n, b, b+1)
	}
}

// release gives the blocks from first up to end back to their heaps.
func (s *Store) release(n *node, first, end int) {
	for i := first; i < end; i++ {
		h := s.data
		switch i {
		case blockAnnotations:
			h = s.notes
		case blockPods:
			h = s.pods
		}
		h.release(n.blocks[i].off, n.blocks[i].n)
		n.blocks[i] = block{}
	}
}

// write stores a record in its slot of the table.
func (s *Store) write(at uint32, rec *abi.NodeRecord) {
	pos := int(at) * s.stride
	if need := pos + s.stride; need > s.table.Size() {
		if err := s.table.Grow(max(need, ahead(s.table))); err != nil {
			s.data.fail(0, err)
			return
		}
	}
	s.table.Touch(pos, s.stride)
	*(*abi.NodeRecord)(unsafe.Pointer(&s.table.Bytes()[pos])) = *rec
}
