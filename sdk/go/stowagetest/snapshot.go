// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// snapshot is a pod and nodes, encoded: nodes once as the scheduler keeps them and once each
// as it presents a node that is not as in its snapshot. Slot 0 is free.
type snapshot struct {
	nodes  []*Node
	spaces [abi.NumSpaces]*space
	// lone are the node records in scratch memory.
	lone  *space
	state []byte
	epoch uint64
	reads abi.Parts
	// pod is the offset of the pod's record; 0 if the call is about no pod.
	pod uint32
}

// epochs numbers snapshots; strings of different ones have nothing in common.
var epochs atomic.Uint64

func (h *Harness) snapshot(pod *Pod, nodes []*Node) *snapshot {
	s := &snapshot{nodes: nodes, lone: newSpace(abi.SpaceScratch), epoch: epochs.Add(1)}
	for id := range s.spaces {
		s.spaces[id] = newSpace(uint32(id))
	}
	reads := h.driver.Reads()
	scratch := s.spaces[abi.SpaceScratch]
	s.encodeNodes(s.spaces[abi.SpaceNodes], nodeEncoder{
		s.spaces[abi.SpaceData], s.spaces[abi.SpaceAnnotations], s.spaces[abi.SpacePods], reads,
	})
	s.encodeNodes(s.lone, nodeEncoder{scratch, scratch, scratch, reads})
	s.reads = reads
	if pod != nil {
		s.pod = s.podRecord(abi.SpacePod, pod)
	}
	return s
}

// podRecord encodes a pod as it is handed over, and returns its offset.
func (s *snapshot) podRecord(id uint32, pod *Pod) uint32 {
	e := podEncoder{s.spaces[id], s.reads}
	return record(e.space, e.pod(pod))
}

func (s *snapshot) encodeNodes(table *space, e nodeEncoder) {
	rs := make([]abi.NodeRecord, 1, 1+len(s.nodes))
	for _, n := range s.nodes {
		rs = append(rs, e.node(n))
	}
	records(table, padding, rs)
}

// slots are those of the nodes that PreFilter left.
func (s *snapshot) slots(pre PreFilterResult) []uint32 {
	var slots []uint32
	for i, n := range s.nodes {
		if !pre.Restricted || slices.Contains(pre.Nodes, n.name) {
			slots = append(slots, uint32(i)+1)
		}
	}
	return slots
}

// call is a call about some slots.
func (s *snapshot) call(cycle uint64, slots []uint32) *hook.Call {
	c := &hook.Call{
		Cycle:     cycle,
		Epoch:     s.epoch,
		Strides:   (*[abi.NumRecords]uint32)(unsafe.Pointer(&strides)),
		NodeCount: uint32(len(s.nodes)) + 1,
		Scratch:   s.lone.base(),
		State:     s.state,
		Slots:     slots,
	}
	for id, space := range s.spaces {
		c.Bases[id] = space.base()
	}
	c.Pod = s.address(s.pod)
	return c
}

// address is where an offset leads, once the spaces are done; nil for 0.
func (s *snapshot) address(off uint32) unsafe.Pointer {
	if off == 0 {
		return nil
	}
	return s.spaces[off>>abi.SpaceShift].at(off)
}

// apart is a call of an instance that does not see the snapshot: its slots are in scratch.
func (s *snapshot) apart(cycle uint64, slots []uint32) *hook.Call {
	alone := make([]uint32, len(slots))
	for i, slot := range slots {
		alone[i] = slot | abi.ScratchSlot
	}
	c := s.call(cycle, alone)
	c.NodeCount = 0
	clear(c.Bases[:abi.SpacePod])
	return c
}
