// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"bytes"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// ClusterEvent is an event for QueueingHint. What it is about is in the fields for pods, nodes or
// objects; none if the policy declared another resource.
type ClusterEvent struct {
	// Source is the index in Needs.Objects for an object, else that in Needs.Events.
	Source               int
	Action               stowage.Action
	OldPod, NewPod       *Pod
	OldNode, NewNode     *Node
	OldObject, NewObject *Object
}

// PreEnqueue runs PreEnqueue. A policy without it succeeds.
func (h *Harness) PreEnqueue(pod *Pod) stowage.Status {
	h.t.Helper()
	s, _ := h.queue(abi.PointPreEnqueue, pod)
	return s
}

// QueueSort is the key that the policy gives the pod.
func (h *Harness) QueueSort(pod *Pod) []byte {
	h.t.Helper()
	_, c := h.queue(abi.PointQueueSort, pod)
	return bytes.Clone(c.NewState)
}

// Before reports whether the policy's QueueSort puts a before b.
func (h *Harness) Before(a, b *Pod) bool {
	h.t.Helper()
	return bytes.Compare(h.QueueSort(a), h.QueueSort(b)) < 0
}

// maxSignature is the most bytes of a signature.
const maxSignature = 256

// Sign is the signature that the policy gives the pod; it is nil if the status is not success.
func (h *Harness) Sign(pod *Pod) ([]byte, stowage.Status) {
	h.t.Helper()
	s, c := h.queue(abi.PointSign, pod)
	if len(c.NewState) > maxSignature {
		h.t.Errorf("Sign: signature has %d bytes, want at most %d", len(c.NewState), maxSignature)
	}
	return bytes.Clone(c.NewState), s
}

// QueueingHint asks whether an event may have made a pod schedulable. A policy without QueueingHint
// says Queue.
func (h *Harness) QueueingHint(pod *Pod, e ClusterEvent) stowage.Hint {
	h.t.Helper()
	h.ready()
	if h.driver.Points()&abi.PointQueueingHint == 0 {
		return stowage.Queue
	}
	h.cycle++
	s := h.snapshot(pod, nil)
	off := record(s.spaces[abi.SpaceScratch], s.event(&e))
	call := s.apart(h.cycle, nil)
	call.Event = s.address(off)
	if h.driver.Run(abi.PointQueueingHint, call) == abi.Skip {
		return stowage.QueueSkip
	}
	return stowage.Queue
}

// queue runs a point of the queue, where there are no nodes.
func (h *Harness) queue(p abi.Points, pod *Pod) (stowage.Status, *hook.Call) {
	h.t.Helper()
	h.ready()
	h.cycle++
	call := h.snapshot(pod, nil).apart(h.cycle, nil)
	if h.driver.Points()&p == 0 {
		return stowage.Success(), call
	}
	return status(h.driver.Run(p, call), call.Text), call
}

func (s *snapshot) event(e *ClusterEvent) abi.Event {
	r := abi.Event{Source: uint32(e.Source), Action: uint32(e.Action)}
	scratch := s.spaces[abi.SpaceScratch]
	switch {
	case e.OldPod != nil || e.NewPod != nil:
		r.Kind = abi.EventOfPod
		r.Old, r.New = optional(e.OldPod, s.scratchPod), optional(e.NewPod, s.scratchPod)
	case e.OldNode != nil || e.NewNode != nil:
		r.Kind = abi.EventOfNode
		r.Old, r.New = optional(e.OldNode, s.scratchNode), optional(e.NewNode, s.scratchNode)
	case e.OldObject != nil || e.NewObject != nil:
		r.Kind = abi.EventOfObject
		object := func(o *Object) uint32 { return record(scratch, o.encode(scratch, e.Action)) }
		r.Old, r.New = optional(e.OldObject, object), optional(e.NewObject, object)
	}
	return r
}

// optional is the offset of what is there, else 0.
func optional[T any](v *T, encode func(*T) uint32) uint32 {
	if v == nil {
		return 0
	}
	return encode(v)
}

func (s *snapshot) scratchPod(p *Pod) uint32 { return s.podRecord(abi.SpaceScratch, p) }

func (s *snapshot) scratchNode(n *Node) uint32 {
	scratch := s.spaces[abi.SpaceScratch]
	return record(scratch, nodeEncoder{scratch, scratch, scratch, s.reads}.node(n))
}
