// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
)

func TestRules(t *testing.T) {
	const system = 2_000_000_000
	tests := map[string]struct {
		victim, preemptor int32
		plain, reclaim    bool
	}{
		"lower":                           {1, 2, true, true},
		"equal":                           {2, 2, false, true},
		"higher":                          {3, 2, false, true},
		"just below the system":           {system - 1, 2, false, true},
		"the system's":                    {system, 2, false, false},
		"the system's, for its own":       {system, system + 1000, true, true},
		"the system's, for its own equal": {system, system, false, false},
		"negative":                        {-5, 0, true, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (Rules{}).Allow(tc.victim, tc.preemptor); got != tc.plain {
				t.Errorf("without reclaim: got %v, want %v", got, tc.plain)
			}
			if got := (Rules{Reclaim: true}).Allow(tc.victim, tc.preemptor); got != tc.reclaim {
				t.Errorf("with reclaim: got %v, want %v", got, tc.reclaim)
			}
		})
	}
}

// newPreemptor is in a cluster of two nodes with the pods.
func newPreemptor(t *testing.T, pods ...*v1.Pod) *Preemptor {
	t.Helper()
	nodes := []*v1.Node{st.MakeNode().Name("n0").Obj(), st.MakeNode().Name("n1").Obj()}
	snap, client := cache.NewSnapshot(pods, nodes), fake.NewClientset()
	handle, err := frameworkruntime.NewFramework(t.Context(), nil, nil,
		frameworkruntime.WithSnapshotSharedLister(snap), frameworkruntime.WithMutableSnapshotLister(snap), frameworkruntime.WithClientSet(client),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(client, 0)))
	if err != nil {
		t.Fatal(err)
	}
	return New(handle, Options{Name: "test", Failed: fwk.AsStatus})
}

func on(node, name string) *st.PodWrapper {
	return st.MakePod().Namespace("default").Name(name).UID(name).Node(node)
}

func infos(t *testing.T, pods ...*v1.Pod) (out []fwk.PodInfo) {
	t.Helper()
	for _, pod := range pods {
		info, err := framework.NewPodInfo(pod)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info)
	}
	return out
}

func TestWaits(t *testing.T) {
	leaving, staying := on("n1", "leaving").Terminating().Obj(), on("n1", "staying").Obj()
	evicted := on("n0", "evicted").Terminating().Condition(v1.DisruptionTarget, v1.ConditionTrue, v1.PodReasonPreemptionByScheduler).Obj()
	nominated := func(node string) *v1.Pod { return on("", "p").NominatedNodeName(node).Priority(5).Obj() }
	tests := map[string]struct {
		pod     *v1.Pod
		victims []*v1.Pod
		since   time.Duration
		hopeful bool
		want    string
	}{
		"no victims":                                {pod: nominated("")},
		"a victim terminates":                       {pod: nominated(""), victims: []*v1.Pod{staying, leaving}, want: leavingReason},
		"a victim stays":                            {pod: nominated(""), victims: []*v1.Pod{staying}},
		"a victim is gone":                          {pod: nominated(""), victims: []*v1.Pod{on("n1", "gone").Obj()}},
		"its node is gone":                          {pod: nominated(""), victims: []*v1.Pod{on("n9", "gone").Obj()}},
		"it takes too long":                         {pod: nominated(""), victims: []*v1.Pod{leaving}, since: patience + time.Minute},
		"the nominated node is cleared":             {pod: nominated("n0"), want: waiting},
		"the nominated node is not helpful anymore": {pod: nominated("n0"), hopeful: true},
		"the nominated node is not being cleared":   {pod: nominated("n1")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPreemptor(t, leaving, staying, evicted)
			if tc.victims != nil {
				p.expect(tc.pod, infos(t, tc.victims...))
				p.pending[tc.pod.UID] = departure{time.Now().Add(-tc.since), p.pending[tc.pod.UID].victims}
			}
			nodes := framework.NewDefaultNodeToStatus()
			nodes.Set("n0", fwk.NewStatus(fwk.Unschedulable))
			nodes.Set("n1", fwk.NewStatus(fwk.Unschedulable))
			if tc.hopeful {
				nodes.Set("n0", fwk.NewStatus(fwk.UnschedulableAndUnresolvable))
			}
			if got := p.Waits(tc.pod, nodes); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if _, kept := p.pending[tc.pod.UID]; kept != (tc.want == leavingReason) {
				t.Errorf("victims are kept: %v", kept)
			}
		})
	}
}

// leavingReason is the reason, under a name that tests do not use.
const leavingReason = leaving

// Pods that were deleted never come back to have their victims forgotten.
func TestPendingIsBounded(t *testing.T) {
	p := newPreemptor(t)
	for i := range 3 * maxPending {
		p.expect(on("", string(rune('a'+i))).Obj(), nil)
		for uid := range p.pending {
			p.pending[uid] = departure{since: time.Now().Add(-2 * patience)}
		}
	}
	if got := len(p.pending); got > maxPending {
		t.Errorf("%d pods are remembered, want at most %d", got, maxPending)
	}
}

// Extenders understand victims on the nominated node only.
func TestExtendersSeeWhatTheyUnderstand(t *testing.T) {
	near, far := on("n0", "near").Obj(), on("n1", "far").Obj()
	tests := map[string]struct {
		victims []*v1.Pod
		want    int
	}{
		"on the node": {[]*v1.Pod{near}, 1},
		"elsewhere":   {[]*v1.Pod{near, far}, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := (&given{}).CandidatesToVictimsMap([]preemption.Candidate{chosenCandidate{tc.victims}})
			if len(got) != tc.want {
				t.Errorf("got %d candidates, want %d", len(got), tc.want)
			}
		})
	}
}

type chosenCandidate struct{ pods []*v1.Pod }

func (c chosenCandidate) Victims() *extenderv1.Victims { return &extenderv1.Victims{Pods: c.pods} }
func (chosenCandidate) Name() string                   { return "n0" }
func (chosenCandidate) NumPodGroupDisruptions() int    { return 0 }

// A filter that breaks down must not cost pods their lives.
func TestNobodyIsEvictedForAnError(t *testing.T) {
	a, b := on("n0", "a").Priority(1).Obj(), on("n0", "b").Priority(1).Obj()
	p := newPreemptor(t, a, b)
	broken := &failing{Handle: p.handle}
	p.handle = broken
	info, err := p.nodes().Get("n0")
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.evaluator.GetVictimsOnNode(t.Context(), info)
	if err != nil {
		t.Fatal(err)
	}
	d := &dryRun{p, Ranks{"a": 1, "b": 1}}
	victims, _, s := d.SelectVictimsOnNode(t.Context(), NewState(), on("", "p").Priority(5).Obj(), info.Snapshot(), all, []*policy.PodDisruptionBudget{})
	if len(victims) > 0 || s.Code() != fwk.Error {
		t.Errorf("got %d victims and %v, want none and an error", len(victims), s)
	}
	if diff := cmp.Diff(2, broken.calls); diff != "" {
		t.Errorf("calls of Filter (-want +got):\n%s", diff)
	}
}

// failing is a handle whose filter works once.
type failing struct {
	fwk.Handle
	calls int
}

func (f *failing) RunFilterPluginsWithNominatedPods(context.Context, fwk.CycleState, *v1.Pod, fwk.NodeInfo) *fwk.Status {
	if f.calls++; f.calls == 1 {
		return nil
	}
	return fwk.NewStatus(fwk.Error, "broken")
}
