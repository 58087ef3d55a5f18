// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"strings"
	"sync"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
)

// groupCycle stands for a pod group's cycle; plugins only see that there is one.
type groupCycle struct{ fwk.PodGroupCycleState }

// In a pod group's simulation the scheduler adds pods to NodeInfos in place, under the old
// generation, and takes them away again: the policy sees them while they are there.
func TestPodGroupSimulation(t *testing.T) {
	h := newHarness(t, zoned(3))
	picky := st.MakePod().Name("picky").UID("picky").Label("probe/max-pods", "1").Obj()
	simulate := func(pod *v1.Pod) map[string]string {
		a := h.attempt(pod)
		a.state.(*framework.CycleState).SetPodGroupSchedulingCycle(groupCycle{})
		return a.filterAll()
	}
	refused := func(verdicts map[string]string) (names string) {
		for _, name := range []string{"n0", "n1", "n2"} {
			if verdicts[name] != "" {
				names += name
			}
		}
		return names
	}
	member, err := framework.NewPodInfo(st.MakePod().Name("member").UID("member").Node("n1").Obj())
	if err != nil {
		t.Fatal(err)
	}
	if got := refused(simulate(picky)); got != "" {
		t.Errorf("before: refused %q", got)
	}
	if err := h.snap.AssumePod(member); err != nil {
		t.Fatal(err)
	}
	if got := refused(simulate(picky)); got != "n1" {
		t.Errorf("with the member assumed: refused %q, want n1", got)
	}
	if err := h.snap.ForgetPod(klog.Background(), member.Pod); err != nil {
		t.Fatal(err)
	}
	if got := refused(simulate(picky)); got != "" {
		t.Errorf("after the simulation: refused %q", got)
	}
	if got := refused(h.filter(picky)); got != "" {
		t.Errorf("in an ordinary cycle afterwards: refused %q", got)
	}
}

// The framework closes plugins while calls may still run: those finish, later ones fail, and
// nothing breaks, whichever of plugin and host goes first.
func TestCloseWhileWorking(t *testing.T) {
	host := NewHost()
	h := newHarnessOn(t, host, probe, zoned(200))
	var wg sync.WaitGroup
	for range 4 {
		a := h.attempt(st.MakePod().Name("p").Obj())
		if s := a.preFilter(); s != "" {
			t.Fatal(s)
		}
		wg.Go(func() {
			for _, info := range a.nodes() {
				if s := a.filterNode(info); s != "" && !strings.Contains(s, "shut down") && !strings.Contains(s, "closed") {
					t.Error(s)
				}
			}
		})
	}
	wg.Go(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := h.plugin.(*filterScorePlugin).Close(); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if s := h.attempt(st.MakePod().Name("late").Obj()).preFilter(); !strings.Contains(s, "closed") {
		t.Errorf("after Close: %q", s)
	}
}

// A CycleState on which PreFilter runs again belongs to the later attempt.
func TestPreFilterTwiceOnOneState(t *testing.T) {
	h := newHarness(t, zoned(3), st.MakePod().Name("resident").UID("resident").Node("n1").Obj())
	a := h.attempt(st.MakePod().Name("first").Obj())
	if got := a.filterAll()["n1"]; got != "" {
		t.Fatal(got)
	}
	a.pod = st.MakePod().Name("second").Label("probe/max-pods", "1").Obj()
	if got, want := a.filterAll()["n1"], "Unschedulable: node(s) rejected by policy: too many pods"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// After a rejection in PreFilter the framework's preemption asks Filter about nodes without
// victims, on clones of the state.
func TestFilterAfterPreFilterRefused(t *testing.T) {
	h := newHarness(t, zoned(2))
	a := h.attempt(st.MakePod().Name("p").Label("probe/refuse", "prefilter").Obj())
	if got, want := a.preFilter(), "Unschedulable: pod rejected by policy: the pod asked to be refused in prefilter"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	a.state = a.state.Clone()
	for _, info := range h.nodes() {
		if got := a.filterNode(info.Snapshot()); got != "" {
			t.Errorf("Filter of %s: %q", info.Node().Name, got)
		}
	}
}
