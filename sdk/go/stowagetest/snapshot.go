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
	e := podEncoder{s.spaces[abi.SpacePod], reads}
	// The record comes last in its space; call relies on it.
	records(e.space, padding, []abi.PodRecord{e.pod(pod)})
	return s
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
	pod := s.spaces[abi.SpacePod]
	c.Pod = unsafe.Add(pod.base(), len(pod.buf)-int(strides[abi.RecordPod]))
	return c
}
