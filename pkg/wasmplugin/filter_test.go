// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
)

func TestFilterVerdicts(t *testing.T) {
	h := newHarness(t, []*v1.Node{
		st.MakeNode().Name("fast").Label("ssd", "").Obj(),
		st.MakeNode().Name("slow").Obj(),
		st.MakeNode().Name("full").Label("ssd", "").Obj(),
	}, st.MakePod().Name("r1").Node("full").Obj(), st.MakePod().Name("r2").Node("full").Obj())
	for name, tc := range map[string]struct {
		pod  *v1.Pod
		want map[string]string
	}{
		"everything passes": {
			pod:  st.MakePod().Name("p").Obj(),
			want: map[string]string{"fast": "", "slow": "", "full": ""},
		},
		"label and pod count": {
			pod: st.MakePod().Name("p").Label("probe/needs", "ssd").Label("probe/max-pods", "2").Obj(),
			want: map[string]string{
				"fast": "",
				"slow": "UnschedulableAndUnresolvable: node(s) rejected by policy: slow lacks ssd",
				"full": "Unschedulable: node(s) rejected by policy: too many pods",
			},
		},
		"the policy's own error": {
			pod: st.MakePod().Name("p").Label("probe/error", "filter").Obj(),
			want: map[string]string{
				"fast": "Error: the pod asked for an error in filter",
				"slow": "Error: the pod asked for an error in filter",
				"full": "Error: the pod asked for an error in filter",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, h.filter(tc.pod)); diff != "" {
				t.Errorf("verdicts (-want,+got):\n%s", diff)
			}
		})
	}
}

// The framework evaluates copies of nodes: with nominated pods added, with victims removed.
func TestFilterLooksAtTheNodeItIsGiven(t *testing.T) {
	h := newHarness(t, zoned(3), st.MakePod().Name("victim").UID("v").Node("n1").Obj())
	a := h.attempt(st.MakePod().Name("p").Label("probe/max-pods", "1").Obj())
	if s := a.preFilter(); s != "" {
		t.Fatal(s)
	}
	full := h.nodes()[0]
	for _, info := range h.nodes() {
		if info.Node().Name == "n1" {
			full = info
		}
	}
	if got := a.filterNode(full); got != "Unschedulable: node(s) rejected by policy: too many pods" {
		t.Fatalf("with the victim: %q", got)
	}
	unchanged, emptied := full.Snapshot(), full.Snapshot()
	if got := a.filterNode(unchanged); got != "Unschedulable: node(s) rejected by policy: too many pods" {
		t.Errorf("an unchanged copy: %q", got)
	}
	if err := emptied.RemovePod(klog.Background(), full.GetPods()[0].GetPod()); err != nil {
		t.Fatal(err)
	}
	if got := a.filterNode(emptied); got != "" {
		t.Errorf("without the victim: %q", got)
	}
	nominated := emptied.Snapshot()
	pod, err := framework.NewPodInfo(st.MakePod().Name("nominated").UID("n").Obj())
	if err != nil {
		t.Fatal(err)
	}
	nominated.AddPodInfo(pod)
	if got := a.filterNode(nominated); got != "Unschedulable: node(s) rejected by policy: too many pods" {
		t.Errorf("with a nominated pod: %q", got)
	}
	if got := a.filterNode(full); got != "Unschedulable: node(s) rejected by policy: too many pods" {
		t.Errorf("the snapshot's node afterwards: %q", got)
	}
}

func TestFilterWithCanceledContext(t *testing.T) {
	h := newHarness(t, zoned(3))
	a := h.attempt(st.MakePod().Name("p").Obj())
	if s := a.preFilter(); s != "" {
		t.Fatal(s)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough nodes were found"))
	status := h.plugin.(fwk.FilterPlugin).Filter(ctx, a.state, a.pod, h.nodes()[0])
	if got, want := describe(status), "UnschedulableAndUnresolvable: enough nodes were found"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFilterWithoutPreFilter(t *testing.T) {
	h := newHarness(t, zoned(1))
	a := h.attempt(st.MakePod().Name("p").Obj())
	if got, want := a.filterNode(h.nodes()[0]), "Error: Filter was called without PreFilter"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A trap costs the attempt an error and the policy one guest; the next attempt is answered.
func TestPanicInEachPoint(t *testing.T) {
	h := newHarness(t, zoned(100))
	for _, point := range []string{"prefilter", "filter", "prescore", "score", "normalize"} {
		t.Run(point, func(t *testing.T) {
			got := h.wholeAttempt(st.MakePod().Name("p").Label("probe/panic", point).Obj())
			want := "wasm error: unreachable (guest output: panic: the pod asked for a panic in " + point + ")"
			if !strings.Contains(got, "Error: trap in stowage_") || !strings.HasSuffix(got, want) {
				t.Errorf("got %q, want a trap with %q", got, want)
			}
			if got := h.wholeAttempt(st.MakePod().Name("p").Obj()); got != "" {
				t.Errorf("the next attempt: %q", got)
			}
		})
	}
}

// wholeAttempt runs every point and returns the first status that is not a success.
func (h *harness) wholeAttempt(pod *v1.Pod) string {
	a := h.attempt(pod)
	if s := a.preFilter(); s != "" {
		return s
	}
	for _, info := range h.nodes() {
		if s := a.filterNode(info); s != "" {
			return s
		}
	}
	_, s := a.score(h.nodes())
	return s
}

func TestPreFilterResults(t *testing.T) {
	h := newHarness(t, zoned(5))
	for name, tc := range map[string]struct {
		pod       *v1.Pod
		want      string
		wantNodes []string
	}{
		"all nodes": {pod: st.MakePod().Name("p").Obj()},
		"a subset":  {pod: st.MakePod().Name("p").Label("probe/only", "n3").Obj(), wantNodes: []string{"n3"}},
		"no node":   {pod: st.MakePod().Name("p").Label("probe/only", "n9").Obj(), wantNodes: []string{}},
		"skip":      {pod: st.MakePod().Name("p").Label("probe/skip", "prefilter").Obj(), want: "Skip: "},
		"error": {
			pod:  st.MakePod().Name("p").Label("probe/error", "prefilter").Obj(),
			want: "Error: the pod asked for an error in prefilter",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := h.plugin.(fwk.PreFilterPlugin).PreFilter(h.ctx, framework.NewCycleState(), tc.pod, h.nodes())
			if got := describe(s); got != tc.want {
				t.Errorf("status %q, want %q", got, tc.want)
			}
			var got []string
			if !r.AllNodes() {
				got = append([]string{}, r.NodeNames.UnsortedList()...)
			}
			if diff := cmp.Diff(tc.wantNodes, got); diff != "" {
				t.Errorf("nodes (-want,+got):\n%s", diff)
			}
		})
	}
}

// Many workers ask in the framework's order and in others; each node is decided as it should.
func TestFilterConcurrently(t *testing.T) {
	const nodes, workers = 1000, 16
	h := newHarness(t, zoned(nodes))
	list := h.nodes()
	for round := range 5 {
		a := h.attempt(st.MakePod().Name(fmt.Sprintf("p%d", round)).Label("probe/needs", "score").Obj())
		if s := a.preFilter(); s != "" {
			t.Fatal(s)
		}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := range nodes {
					info := list[(i*(1+w%3)+w*nodes/workers)%nodes]
					if got := a.filterNode(info); got != "" {
						t.Errorf("%s: %s", info.Node().Name, got)
					}
				}
			})
		}
		wg.Wait()
	}
}
