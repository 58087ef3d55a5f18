// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"errors"
	"maps"
	"strconv"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// Policies for the tests, each of one method.
type (
	filterFunc    func(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status
	scoreFunc     func(*stowage.Cycle, *stowage.Pod, *stowage.Node) (int64, stowage.Status)
	preFilterFunc func(*stowage.Cycle, *stowage.Pod) (stowage.PreFilterResult, stowage.Status)
	normalizeOnly struct{}
	objectsOnly   struct{}
)

func (objectsOnly) ObjectChanged(*stowage.Object) {}

func (f filterFunc) Filter(c *stowage.Cycle, p *stowage.Pod, n *stowage.Node) stowage.Status {
	return f(c, p, n)
}

func (f scoreFunc) Score(c *stowage.Cycle, p *stowage.Pod, n *stowage.Node) (int64, stowage.Status) {
	return f(c, p, n)
}

func (f preFilterFunc) PreFilter(c *stowage.Cycle, p *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	return f(c, p)
}

func (normalizeOnly) NormalizeScore(*stowage.Cycle, *stowage.Pod, stowage.Nodes, []int64) stowage.Status {
	return stowage.Success()
}

func TestPointsAreWhatThePolicyImplements(t *testing.T) {
	for name, tc := range map[string]struct {
		policy any
		want   abi.Points
	}{
		"filter":     {filterFunc(nil), abi.PointFilter},
		"score":      {scoreFunc(nil), abi.PointScore},
		"pre-filter": {preFilterFunc(nil), abi.PointPreFilter},
		"queue":      {&queuePolicy{}, abi.PointPreEnqueue | abi.PointQueueSort | abi.PointSign | abi.PointQueueingHint},
		"binding":    {&gang{}, abi.PointReserve | abi.PointPermit | abi.PointPreBindPreFlight | abi.PointPreBind | abi.PointBind | abi.PointPostBind},
		"groups":     {zonal{}, abi.PointGeneratePlacements | abi.PointScorePlacement | abi.PointPodGroupPostFilter},
		"objects":    {&objectPolicy{}, abi.PointFilter | abi.PointObjects},
		"state":      {&counter{}, abi.PointPreFilter | abi.PointFilter | abi.PointPodChanges},
		"two": {struct {
			filterFunc
			scoreFunc
		}{}, abi.PointFilter | abi.PointScore},
	} {
		t.Run(name, func(t *testing.T) {
			if got := hook.New(tc.policy, 0).Points(); got != tc.want {
				t.Errorf("want %b, got %b", tc.want, got)
			}
		})
	}
}

// panics is what f panics with.
func panics(f func()) (message string) {
	defer func() {
		if r := recover(); r != nil {
			message = r.(string)
		}
	}()
	f()
	return ""
}

func TestPoliciesThatCannotWork(t *testing.T) {
	for name, tc := range map[string]struct {
		policy any
		want   string
	}{
		"no extension point": {struct{}{}, "implements no extension point"},
		"objects alone":      {objectsOnly{}, "implements no extension point"},
		"normalize alone":    {normalizeOnly{}, "has NormalizeScore but no Score"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := panics(func() { hook.New(tc.policy, 0) }); !strings.Contains(got, tc.want) {
				t.Errorf("want a panic with %q, got %q", tc.want, got)
			}
		})
	}
}

func TestConfigureIsOptional(t *testing.T) {
	for config, want := range map[string]string{
		"": "", "{}": "", "null": "",
		`{"x":1}`: "this policy takes no configuration",
	} {
		err := stowagetest.New(t, filterFunc(nil), 0).Configure(config)
		if got := errors.Join(err); want == "" && got != nil || want != "" && (got == nil || err.Error() != want) {
			t.Errorf("%q: want %q, got %v", config, want, err)
		}
	}
}

// Many nodes fail for few reasons; some policies give each node its own.
func TestReasons(t *testing.T) {
	for name, distinct := range map[string]int{"one": 1, "three": 3, "more than are remembered": 40} {
		t.Run(name, func(t *testing.T) {
			reason := func(n *stowage.Node) string {
				i, _ := strconv.Atoi(n.Name())
				return strconv.Itoa(i % distinct)
			}
			h := stowagetest.New(t, filterFunc(func(_ *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) stowage.Status {
				return stowage.Unschedulable(reason(n))
			}), 0)
			var nodes []*stowagetest.Node
			want := map[string]stowage.Status{}
			for i := range 100 {
				nodes = append(nodes, stowagetest.MakeNode(strconv.Itoa(i)))
				want[strconv.Itoa(i)] = stowage.Unschedulable(strconv.Itoa(i % distinct))
			}
			if got := h.Filter(stowagetest.MakePod("p"), nodes...); !maps.Equal(want, got) {
				t.Errorf("want %v, got %v", want, got)
			}
		})
	}
}

// A code may change while the reason stays.
func TestCodesWithOneReason(t *testing.T) {
	h := stowagetest.New(t, filterFunc(func(_ *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) stowage.Status {
		switch n.Name() {
		case "a":
			return stowage.Unschedulable("full")
		case "b":
			return stowage.UnschedulableAndUnresolvable("full")
		case "c":
			return stowage.Error("full")
		}
		return stowage.Success()
	}), 0)
	got := h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("a"), stowagetest.MakeNode("b"), stowagetest.MakeNode("c"), stowagetest.MakeNode("d"))
	want := map[string]stowage.Status{
		"a": stowage.Unschedulable("full"), "b": stowage.UnschedulableAndUnresolvable("full"),
		"c": stowage.Error("full"), "d": stowage.Success(),
	}
	if !maps.Equal(want, got) {
		t.Errorf("want %v, got %v", want, got)
	}
}

func TestSkipIsNotForFilter(t *testing.T) {
	h := stowagetest.New(t, filterFunc(func(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status { return stowage.Skip() }), 0)
	got := panics(func() { h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("n")) })
	if want := "stowage: Filter must not return Skip"; got != want {
		t.Errorf("want a panic with %q, got %q", want, got)
	}
}

// counting is a policy whose StartCycle counts, and whose PreFilter leaves state.
type counting struct {
	filterFunc
	starts []string
	state  string
}

func (c *counting) StartCycle(cycle *stowage.Cycle, pod *stowage.Pod) {
	c.starts = append(c.starts, pod.Name()+":"+string(cycle.State()))
}

func (c *counting) PreFilter(*stowage.Cycle, *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	return stowage.PreFilterResult{State: []byte(c.state)}, stowage.Success()
}

// What is derived from the pod and the state is derived again when either changes.
func TestStartCycle(t *testing.T) {
	p := &counting{state: "s", filterFunc: func(c *stowage.Cycle, _ *stowage.Pod, _ *stowage.Node) stowage.Status {
		if string(c.State()) != "s" {
			return stowage.Error("state is " + string(c.State()))
		}
		return stowage.Success()
	}}
	h := stowagetest.New(t, p, 0)
	for _, pod := range []string{"first", "second"} {
		if got := h.Filter(stowagetest.MakePod(pod), stowagetest.MakeNode("n")); !got["n"].IsSuccess() {
			t.Error(got)
		}
	}
	if got, want := strings.Join(p.starts, " "), "first: first:s second: second:s"; got != want {
		t.Errorf("want cycles %q, got %q", want, got)
	}
}

func TestSubset(t *testing.T) {
	for name, tc := range map[string]struct {
		keep map[string]bool
		want map[string]stowage.Code
	}{
		"some": {map[string]bool{"a": true, "c": true}, map[string]stowage.Code{"a": 0, "b": stowage.CodeUnschedulableAndUnresolvable, "c": 0}},
		"none": {map[string]bool{}, map[string]stowage.Code{
			"a": stowage.CodeUnschedulableAndUnresolvable, "b": stowage.CodeUnschedulableAndUnresolvable, "c": stowage.CodeUnschedulableAndUnresolvable,
		}},
		"no subset": {nil, map[string]stowage.Code{"a": 0, "b": 0, "c": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			h := stowagetest.New(t, preFilterFunc(func(c *stowage.Cycle, _ *stowage.Pod) (r stowage.PreFilterResult, _ stowage.Status) {
				if tc.keep == nil {
					return r, stowage.Success()
				}
				r.Subset = &stowage.Subset{}
				for n := range c.Nodes() {
					if tc.keep[n.Name()] {
						r.Subset.Add(n)
					}
				}
				return r, stowage.Success()
			}), stowage.ReadNodeTable)
			got := map[string]stowage.Code{}
			for node, s := range h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("a"), stowagetest.MakeNode("b"), stowagetest.MakeNode("c")) {
				got[node] = s.Code()
			}
			if !maps.Equal(tc.want, got) {
				t.Errorf("want %v, got %v", tc.want, got)
			}
		})
	}
}
