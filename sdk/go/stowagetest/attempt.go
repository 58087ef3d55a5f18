// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"maps"
	"slices"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// Attempt is one attempt to schedule a pod, of which a test makes the calls that it likes, one by one.
// It carries the state from call to call as the scheduler does. Nodes are named.
type Attempt struct {
	h         *Harness
	pod       *Pod
	nodes     []*Node
	state     []byte
	simulated bool
}

// Attempt starts one.
func (h *Harness) Attempt(pod *Pod, nodes ...*Node) *Attempt {
	h.t.Helper()
	h.ready()
	h.cycle++
	return &Attempt{h: h, pod: pod, nodes: slices.Clone(nodes)}
}

// Simulated makes this an attempt that is taken back; see stowage.Cycle.Simulated.
func (a *Attempt) Simulated() *Attempt { a.simulated = true; return a }

// State is what the policy left for this pod.
func (a *Attempt) State() []byte { return slices.Clone(a.state) }

// PreFilter runs PreFilter.
func (a *Attempt) PreFilter() PreFilterResult {
	a.h.t.Helper()
	s := a.snapshot()
	r := a.h.preFilter(s)
	a.state = s.state
	return r
}

// Filter judges one node, with the changes of AddPod and RemovePod.
func (a *Attempt) Filter(node string) stowage.Status {
	a.h.t.Helper()
	return a.h.verdicts(a.snapshot(), []uint32{a.slot(node) | abi.ScratchSlot})[0]
}

// AddPod puts another pod on a node, for this and later calls of the attempt, and runs AddPod.
func (a *Attempt) AddPod(other *Pod, node string) stowage.Status {
	a.h.t.Helper()
	a.change(node, func(n *Node) { n.pods = append(n.pods, other) })
	return a.changed(other, node, false)
}

// RemovePod takes a pod from a node, for this and later calls of the attempt, and runs RemovePod.
func (a *Attempt) RemovePod(other *Pod, node string) stowage.Status {
	a.h.t.Helper()
	a.change(node, func(n *Node) {
		n.pods = slices.DeleteFunc(n.pods, func(p *Pod) bool { return p.uid == other.uid })
	})
	return a.changed(other, node, true)
}

// change changes a copy of a node.
func (a *Attempt) change(node string, how func(*Node)) {
	a.h.t.Helper()
	i := a.slot(node) - 1
	n := *a.nodes[i]
	n.pods = slices.Clone(n.pods)
	how(&n)
	a.nodes[i] = &n
}

func (a *Attempt) changed(other *Pod, node string, undo bool) stowage.Status {
	a.h.t.Helper()
	s := a.snapshot()
	off := s.scratchPod(other)
	call := s.call(a.h.cycle, []uint32{a.slot(node) | abi.ScratchSlot})
	call.Other, call.Undo = s.address(off), undo
	return a.run(abi.PointPodChanges, call)
}

// PostFilterResult is how the policy would place the pod after all.
type PostFilterResult struct {
	// Nominated is the name of the node; "" if there is none.
	Nominated string
	// Victims are UIDs.
	Victims []string
}

// PostFilter runs PostFilter with some nodes.
func (a *Attempt) PostFilter(nodes ...string) (r PostFilterResult, st stowage.Status) {
	a.h.t.Helper()
	s := a.snapshot()
	call := s.call(a.h.cycle, nil)
	for _, node := range nodes {
		call.Slots = append(call.Slots, a.slot(node))
	}
	st = a.run(abi.PointPostFilter, call)
	r.Victims = slices.Clone(call.Victims)
	if call.Restricted {
		r.Nominated = s.names(call.Subset)[0]
	}
	return r, st
}

// RankVictims is the rank of each pod on a node, by the pods' names.
func (a *Attempt) RankVictims(node string) map[string]stowage.VictimRank {
	a.h.t.Helper()
	slot := a.slot(node)
	pods := a.nodes[slot-1].pods
	ranks := make([]abi.VictimRank, len(pods)+1)
	call := a.snapshot().call(a.h.cycle, []uint32{slot})
	call.Ranks = pointerTo(ranks)
	a.run(abi.PointRankVictims, call)
	got := map[string]stowage.VictimRank{}
	for i, p := range pods {
		got[p.name] = stowage.VictimRank(ranks[i])
	}
	return got
}

// Reserve runs Reserve.
func (a *Attempt) Reserve(node string) stowage.Status {
	a.h.t.Helper()
	st, _ := a.bind(abi.PointReserve, node, 0, false)
	return st
}

// Unreserve runs Unreserve.
func (a *Attempt) Unreserve(node string) {
	a.h.t.Helper()
	a.bind(abi.PointReserve, node, 0, true)
}

// Permit runs Permit. If the pod is to wait, stowage.WaitingPods counts it from then on.
func (a *Attempt) Permit(node string) stowage.PermitResult {
	a.h.t.Helper()
	r := a.permit(node, 0)
	if r.Status().Code() == stowage.CodeWait {
		a.h.host.cluster.waiting[r.Key()]++
	}
	return r
}

// PermitAgain asks Permit about a pod that waits.
func (a *Attempt) PermitAgain(node string) stowage.PermitResult {
	a.h.t.Helper()
	return a.permit(node, abi.FrameWaiting)
}

func (a *Attempt) permit(node string, flags uint32) stowage.PermitResult {
	a.h.t.Helper()
	st, c := a.bind(abi.PointPermit, node, flags, false)
	if c.TimeoutNanos != 0 || st.Code() == stowage.CodeWait {
		a.h.host.checkKey("Permit", c.Key)
		return stowage.Wait(stowage.Duration(c.TimeoutNanos), strings.Clone(c.Key))
	}
	return stowage.Deny(st)
}

// PreBindPreFlight runs PreBindPreFlight.
func (a *Attempt) PreBindPreFlight(node string) stowage.Status {
	a.h.t.Helper()
	st, _ := a.bind(abi.PointPreBindPreFlight, node, 0, false)
	return st
}

// PreBind runs PreBind.
func (a *Attempt) PreBind(node string) stowage.Status {
	a.h.t.Helper()
	st, _ := a.bind(abi.PointPreBind, node, 0, false)
	return st
}

// Bind runs Bind and returns the annotations that the policy would give the pod.
func (a *Attempt) Bind(node string) (map[string]string, stowage.Status) {
	a.h.t.Helper()
	st, c := a.bind(abi.PointBind, node, 0, false)
	annotations := map[string]string{}
	for _, kv := range c.Annotations {
		annotations[kv.Key] = kv.Value
	}
	return maps.Clone(annotations), st
}

// PostBind runs PostBind.
func (a *Attempt) PostBind(node string) {
	a.h.t.Helper()
	a.bind(abi.PointPostBind, node, 0, false)
}

// bind makes a call about the chosen node, on an instance that sees no other.
func (a *Attempt) bind(p abi.Points, node string, flags uint32, undo bool) (stowage.Status, *hook.Call) {
	a.h.t.Helper()
	call := a.snapshot().apart(a.h.cycle, []uint32{a.slot(node)})
	call.Flags, call.Undo = flags, undo
	if a.simulated {
		call.Flags |= abi.FrameSimulated
	}
	return a.run(p, call), call
}

// run makes a call and keeps the state that it leaves. A point that the policy does not have succeeds.
func (a *Attempt) run(p abi.Points, call *hook.Call) stowage.Status {
	a.h.t.Helper()
	if a.h.driver.Points()&p == 0 {
		return stowage.Success()
	}
	st := status(a.h.driver.Run(p, call), strings.Clone(call.Text))
	if call.NewState != nil {
		a.state = slices.Clone(call.NewState)
		a.h.cycle++
	}
	return st
}

func (a *Attempt) snapshot() *snapshot {
	s := a.h.snapshot(a.pod, a.nodes)
	s.state = a.state
	return s
}

func (a *Attempt) slot(node string) uint32 {
	a.h.t.Helper()
	i := slices.IndexFunc(a.nodes, func(n *Node) bool { return n.name == node })
	if i < 0 {
		a.h.t.Fatalf("the attempt has no node %s", node)
	}
	return uint32(i) + 1
}
