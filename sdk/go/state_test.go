// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// tally is a state.
type tally struct {
	Pods  int32
	Cores [3]int64
}

// counter counts pods with the label app in its state.
type counter struct{ seen *tally }

func (c *counter) StartCycle(cycle *stowage.Cycle, _ *stowage.Pod) {
	c.seen, _ = stowage.StateOf[tally](cycle)
}

func (c *counter) PreFilter(cycle *stowage.Cycle, _ *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	t := &tally{}
	for n := range cycle.Nodes() {
		t.Pods += int32(n.PodCount())
	}
	return stowage.PreFilterResult{State: stowage.EncodeState(t)}, stowage.Success()
}

func (c *counter) AddPod(_ *stowage.Cycle, _, other *stowage.Pod, node *stowage.Node) ([]byte, stowage.Status) {
	return c.change(1, other, node)
}

func (c *counter) RemovePod(_ *stowage.Cycle, _, other *stowage.Pod, node *stowage.Node) ([]byte, stowage.Status) {
	return c.change(-1, other, node)
}

func (c *counter) change(by int32, other *stowage.Pod, node *stowage.Node) ([]byte, stowage.Status) {
	if other.NodeName() != node.Name() {
		return nil, stowage.Unschedulable("the pod is on " + other.NodeName())
	}
	t := *c.seen
	t.Pods += by
	t.Cores[0] = int64(node.PodCount())
	return stowage.EncodeState(&t), stowage.Success()
}

func (c *counter) Filter(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status {
	if c.seen.Pods > 2 {
		return stowage.Unschedulable("too many pods")
	}
	return stowage.Success()
}

// The state follows the pods that the scheduler adds and removes, and the policy sees the node with them.
func TestStateFollowsPods(t *testing.T) {
	victim := stowagetest.MakePod("victim").NodeName("n")
	a := stowagetest.New(t, &counter{}, stowage.ReadNodeTable).Attempt(stowagetest.MakePod("p"),
		stowagetest.MakeNode("n").Pods(victim, stowagetest.MakePod("other")), stowagetest.MakeNode("m").PodCount(1))
	a.PreFilter()
	for _, step := range []struct {
		do   func(*stowagetest.Pod, string) stowage.Status
		want stowage.Code
		node int64
	}{{a.RemovePod, stowage.CodeSuccess, 1}, {a.AddPod, stowage.CodeUnschedulable, 2}} {
		if s := step.do(victim, "n"); !s.IsSuccess() {
			t.Fatal(s)
		}
		if got := a.Filter("m").Code(); got != step.want {
			t.Errorf("want %v, got %v", step.want, got)
		}
		var on tally
		copy(stowage.EncodeState(&on), a.State())
		if on.Cores[0] != step.node {
			t.Errorf("want the node with %d pods, got %d", step.node, on.Cores[0])
		}
	}
	want := stowage.Error("the pod is on n")
	if got := a.AddPod(victim, "m"); got != want {
		t.Errorf("want %v, got %v", want, got)
	}
}

func TestStateOf(t *testing.T) {
	for name, tc := range map[string]struct {
		left []byte
		want bool
	}{
		"a tally": {stowage.EncodeState(&tally{Pods: 7}), true}, "nothing": {nil, false}, "another size": {make([]byte, 5), false},
		"misaligned": {append(make([]byte, 1, 64), stowage.EncodeState(&tally{Pods: 7})...)[1:], true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &reserver{reserve: func(c *stowage.Cycle) { c.SetState(tc.left) }, unreserve: func(c *stowage.Cycle) {
				got, ok := stowage.StateOf[tally](c)
				if ok != tc.want || ok && got.Pods != 7 {
					t.Errorf("want %t, got %t with %v", tc.want, ok, got)
				}
			}}
			a := stowagetest.New(t, p, 0).Attempt(stowagetest.MakePod("p"), stowagetest.MakeNode("n"))
			a.Reserve("n")
			a.Unreserve("n")
		})
	}
}

type reserver struct{ reserve, unreserve func(*stowage.Cycle) }

func (r *reserver) Reserve(c *stowage.Cycle, _ *stowage.Pod, _ *stowage.Node) stowage.Status {
	r.reserve(c)
	return stowage.Success()
}

func (r *reserver) Unreserve(c *stowage.Cycle, _ *stowage.Pod, _ *stowage.Node) { r.unreserve(c) }

func TestStatesHaveNoPointers(t *testing.T) {
	for name, encode := range map[string]func(){
		"string":    func() { stowage.EncodeState(&struct{ S string }{}) },
		"slice":     func() { stowage.EncodeState(&[]int{}) },
		"map":       func() { stowage.EncodeState(&struct{ A, B map[string]int }{}) },
		"pointer":   func() { stowage.EncodeState(&[2]*int{}) },
		"interface": func() { var v any; stowage.EncodeState(&v) },
		"function":  func() { stowage.EncodeState(&struct{ F func() }{}) },
		"in a part": func() {
			stowage.EncodeState(&struct {
				A struct{ N [4]int }
				B [1]struct{ E error }
			}{})
		},
	} {
		if got := panics(encode); got != "stowage: a state must be a type without pointers, strings, slices, maps, interfaces and functions" {
			t.Errorf("%s: want a panic, got %q", name, got)
		}
	}
	for name, encode := range map[string]func(){
		"number": func() { stowage.EncodeState(new(int)) },
		"struct": func() { stowage.EncodeState(&tally{}) },
		"floats": func() { stowage.EncodeState(&[9]float32{}) },
	} {
		if got := panics(encode); got != "" {
			t.Errorf("%s: want none, got a panic with %q", name, got)
		}
	}
}

func TestStateIsKeptOnlyWhereItGoesSomewhere(t *testing.T) {
	h := stowagetest.New(t, filterFunc(func(c *stowage.Cycle, _ *stowage.Pod, _ *stowage.Node) stowage.Status {
		c.SetState(nil)
		return stowage.Success()
	}), 0)
	if got := panics(func() { h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("n")) }); got == "" {
		t.Error("want a panic")
	}
}

func TestStateOfAllocatesNothing(t *testing.T) {
	allocs := -1.0
	p := &reserver{reserve: func(c *stowage.Cycle) { c.SetState(stowage.EncodeState(&tally{})) }, unreserve: func(c *stowage.Cycle) {
		allocs = testing.AllocsPerRun(10, func() { stowage.StateOf[tally](c) })
	}}
	a := stowagetest.New(t, p, 0).Attempt(stowagetest.MakePod("p"), stowagetest.MakeNode("n"))
	a.Reserve("n")
	a.Unreserve("n")
	if allocs != 0 {
		t.Errorf("want no allocations, got %v", allocs)
	}
}
