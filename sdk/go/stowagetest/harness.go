// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// Harness calls a policy as the scheduler does.
type Harness struct {
	t      testing.TB
	driver hook.Driver
	host   *host
	cycle  uint64
	policy any
	// configured says that the policy had its configuration, if only an empty one.
	configured bool
}

// New takes what the policy's init function passes to stowage.Register.
func New(t testing.TB, policy any, reads stowage.Reads) *Harness {
	t.Helper()
	for _, err := range mistyped(policy) {
		t.Error(err)
	}
	host := newHost(t)
	return &Harness{t: t, driver: &driver{hook.New(policy, uint64(reads)), host}, host: host, policy: policy}
}

// Configure gives the policy its configuration, as JSON. Call it first or not at all.
func (h *Harness) Configure(json string) error {
	h.t.Helper()
	h.configured = true
	c := &hook.Call{Config: []byte(json)}
	if h.driver.Configure(c) != abi.Success {
		return errors.New(c.Text)
	}
	h.learnNeeds()
	return nil
}

// ready makes sure that a policy that needs something has said so.
func (h *Harness) ready() {
	h.t.Helper()
	if _, ok := h.policy.(stowage.NeedsDeclarer); !ok || h.configured {
		return
	}
	if err := h.Configure(""); err != nil {
		h.t.Fatalf("call Configure first: without configuration the policy says: %v", err)
	}
}

// PreFilterResult is what the policy said about the pod before any node.
type PreFilterResult struct {
	Status stowage.Status
	// Nodes that the pod is restricted to, if Restricted.
	Restricted bool
	Nodes      []string
	State      []byte
}

// PreFilter runs PreFilter. A policy without it succeeds and restricts nothing.
func (h *Harness) PreFilter(pod *Pod, nodes ...*Node) PreFilterResult {
	h.t.Helper()
	return h.preFilter(h.snapshot(pod, nodes))
}

func (h *Harness) preFilter(s *snapshot) PreFilterResult {
	h.t.Helper()
	h.ready()
	h.cycle++
	if h.driver.Points()&abi.PointPreFilter == 0 {
		return PreFilterResult{}
	}
	call := s.call(h.cycle, nil)
	r := PreFilterResult{Status: status(h.driver.Run(abi.PointPreFilter, call), call.Text)}
	r.State = append(r.State, call.NewState...)
	r.Restricted = call.Restricted
	for _, slot := range call.Subset {
		r.Nodes = append(r.Nodes, s.nodes[slot-1].name)
	}
	h.cycle++
	s.state = r.State
	return r
}

// outsideSubset is what the scheduler says of nodes that PreFilter left out.
const outsideSubset = "node(s) didn't satisfy plugin(s) PreFilter result"

// Filter runs PreFilter and Filter, and returns the status of each node by its name.
//
// Every node is judged twice, among the others and alone in another order, as happens during preemption. If the
// answers differ the test fails: the policy keeps notes between nodes.
func (h *Harness) Filter(pod *Pod, nodes ...*Node) map[string]stowage.Status {
	h.t.Helper()
	return h.filter(h.snapshot(pod, nodes))
}

func (h *Harness) filter(s *snapshot) map[string]stowage.Status {
	h.t.Helper()
	pre := h.preFilter(s)
	got := map[string]stowage.Status{}
	for _, n := range s.nodes {
		got[n.name] = pre.Status
		if pre.Status.IsSuccess() && pre.Restricted {
			got[n.name] = stowage.UnschedulableAndUnresolvable(outsideSubset)
		}
		if pre.Status.Code() == stowage.CodeSkip {
			got[n.name] = stowage.Success()
		}
	}
	if pre.Status.IsSuccess() {
		h.filterNodes(s, s.slots(pre), got)
	}
	return got
}

func (h *Harness) filterNodes(s *snapshot, slots []uint32, got map[string]stowage.Status) {
	h.t.Helper()
	if h.driver.Points()&abi.PointFilter == 0 {
		for _, slot := range slots {
			got[s.nodes[slot-1].name] = stowage.Success()
		}
		return
	}
	batch := h.verdicts(s, slots)
	h.host.muted = true
	defer func() { h.host.muted = false }()
	for i, slot := range slices.Backward(slots) {
		name := s.nodes[slot-1].name
		got[name] = batch[i]
		if alone := h.verdicts(s, []uint32{slot | abi.ScratchSlot})[0]; alone != batch[i] {
			h.t.Errorf("Filter of node %s alone: %v; among others: %v; it must depend on the pod and the node only", name, alone, batch[i])
		}
	}
}

func (h *Harness) verdicts(s *snapshot, slots []uint32) []stowage.Status {
	h.t.Helper()
	call := s.call(h.cycle, slots)
	call.Verdicts = make([]abi.Verdict, len(slots))
	if code := h.driver.Run(abi.PointFilter, call); code != abi.Success {
		h.t.Fatalf("Filter: %v", status(code, call.Text))
	}
	out := make([]stowage.Status, len(slots))
	for i, v := range call.Verdicts {
		reason := ""
		if n := v.Reason(); n > 0 {
			reason = call.Reasons[n-1]
		}
		out[i] = status(v.Code(), strings.Clone(reason))
	}
	return out
}

// Score runs PreFilter, PreScore, Score and NormalizeScore over all the nodes and returns the
// score of each by its name, or the status of the first that did not succeed. A final score
// outside MinScore to MaxScore fails the test.
func (h *Harness) Score(pod *Pod, nodes ...*Node) (map[string]int64, stowage.Status) {
	h.t.Helper()
	s := h.snapshot(pod, nodes)
	h.preFilter(s)
	return h.score(s, s.slots(PreFilterResult{}))
}

func (h *Harness) score(s *snapshot, slots []uint32) (map[string]int64, stowage.Status) {
	h.t.Helper()
	call := s.call(h.cycle, slots)
	call.Scores = make([]int64, len(slots))
	for _, point := range []abi.Points{abi.PointPreScore, abi.PointScore, abi.PointNormalizeScore} {
		if h.driver.Points()&point == 0 {
			continue
		}
		if code := h.driver.Run(point, call); code != abi.Success {
			return nil, status(code, call.Text)
		}
	}
	got := map[string]int64{}
	for i, slot := range slots {
		name := s.nodes[slot-1].name
		got[name] = call.Scores[i]
		if n := call.Scores[i]; n < stowage.MinScore || n > stowage.MaxScore {
			h.t.Errorf("score of node %s is %d, outside %d to %d", name, n, stowage.MinScore, stowage.MaxScore)
		}
	}
	return got, stowage.Success()
}

// Report runs Filter, and Score over the nodes that passed, and writes a line per node, in the
// order given: for golden files.
func (h *Harness) Report(pod *Pod, nodes ...*Node) string {
	h.t.Helper()
	s := h.snapshot(pod, nodes)
	statuses := h.filter(s)
	var passed []uint32
	for i, n := range nodes {
		if statuses[n.name].IsSuccess() {
			passed = append(passed, uint32(i)+1)
		}
	}
	scores, scoring := h.score(s, passed)
	var b strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&b, "%s: %s", n.name, statuses[n.name])
		if score, ok := scores[n.name]; ok && h.driver.Points()&abi.PointScore != 0 {
			fmt.Fprintf(&b, ", score %d", score)
		}
		b.WriteByte('\n')
	}
	if !scoring.IsSuccess() {
		fmt.Fprintf(&b, "scoring: %s\n", scoring)
	}
	return b.String()
}

func status(code abi.Code, reason string) stowage.Status {
	switch code {
	case abi.Success:
		return stowage.Success()
	case abi.Unschedulable:
		return stowage.Unschedulable(reason)
	case abi.UnschedulableAndUnresolvable:
		return stowage.UnschedulableAndUnresolvable(reason)
	case abi.Skip:
		return stowage.Skip()
	}
	return stowage.Error(reason)
}
