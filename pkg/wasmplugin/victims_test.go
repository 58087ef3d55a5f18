// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
)

func runs(name, node string, priority int32) *st.PodWrapper {
	return st.MakePod().Namespace("default").Name(name).UID("uid-" + name).Node(node).Priority(priority).
		Req(map[v1.ResourceName]string{"cpu": "2"}).StartTime(metav1.Now())
}

// wants is a pod that needs a whole node.
func wants(priority int32, annotations ...string) *v1.Pod {
	pod := st.MakePod().Namespace("default").Name("p").UID("uid-p").Priority(priority).Req(map[v1.ResourceName]string{"cpu": "4"}).Obj()
	pod.Annotations = map[string]string{}
	for _, a := range annotations {
		key, value, _ := strings.Cut(a, "=")
		pod.Annotations["preempt/"+key] = value
	}
	return pod
}

func budget(label string, allowed int32) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: label},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": label}}},
		Status:     policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allowed},
	}
}

// full is two nodes with two pods each, and one that no pod can help with.
func full(pod *v1.Pod, more ...*v1.Pod) *scene {
	return &scene{
		nodes: zoned(2), pod: pod,
		pods: append([]*v1.Pod{
			runs("a", "n0", 1).Label("app", "web").Obj(), runs("b", "n0", 5).Obj(),
			runs("c", "n1", 3).Label("app", "web").Obj(), runs("d", "n1", 20).Label("rank", "0").Obj(),
		}, more...),
	}
}

func TestPostFilterWithNamedVictims(t *testing.T) {
	preemptor.load(t)
	reclaimer.load(t, "reclaim")
	leaving := runs("gone", "n1", 1).Terminating().Obj()
	none := "node - evicted  "
	nobody := none + "Unschedulable: policy: "
	tests := map[string]struct {
		scene   *scene
		reclaim bool
		want    string
	}{
		"a node and nobody":       {full(wants(10, "node=n1")), false, "node n1 evicted "},
		"victims on the node":     {full(wants(10, "node=n0", "victims=uid-a,uid-b")), false, "node n0 evicted a,b"},
		"victims on two nodes":    {full(wants(10, "node=n1", "victims=uid-a,uid-c")), false, "node n1 evicted a,c"},
		"victims and no node":     {full(wants(10, "victims=uid-a,uid-c")), false, "node  evicted a,c"},
		"a victim twice":          {full(wants(10, "victims=uid-a,uid-a")), false, "node  evicted a"},
		"one goes already":        {full(wants(10, "node=n1", "victims=uid-gone,uid-c"), leaving), false, "node n1 evicted c"},
		"all go already":          {full(wants(10, "node=n1", "victims=uid-gone"), leaving), false, "node n1 evicted "},
		"unknown":                 {full(wants(10, "victims=uid-a,uid-x")), false, none + `Error: ABI violation in stowage_post_filter: victim "uid-x" is not on any node`},
		"itself":                  {full(wants(10, "victims=uid-p")), false, none + `Error: ABI violation in stowage_post_filter: victim "uid-p" is not on any node`},
		"higher priority":         {full(wants(10, "victims=uid-d")), false, none + `Error: ABI violation in stowage_post_filter: victim "uid-d" has priority 20, which is not below the preemptor's 10`},
		"equal priority":          {full(wants(5, "victims=uid-b")), false, none + `Error: ABI violation in stowage_post_filter: victim "uid-b" has priority 5, which is not below the preemptor's 5`},
		"reclaim":                 {full(wants(1, "victims=uid-d", "node=n1")), true, "node n1 evicted d"},
		"reclaim from the system": {full(wants(1, "victims=uid-s"), runs("s", "n1", 2_000_000_000).Obj()), true, none + `Error: ABI violation in stowage_post_filter: victim "uid-s" has priority 2000000000, which is not below the preemptor's 1`},
		"the system's own":        {full(wants(2_000_001_000, "victims=uid-s"), runs("s", "n1", 2_000_000_000).Obj()), true, "node  evicted s"},
		"nothing":                 {full(wants(10, "nothing=")), false, none + "Error: ABI violation in stowage_post_filter: success without a node and without victims"},
		"refused for ever":        {full(wants(10, "say=never")), false, none + "UnschedulableAndUnresolvable: pod rejected by policy: never"},
		"a panic":                 {full(wants(10, "panic=postfilter")), false, "Error: trap in stowage_post_filter"},
		"a budget that is kept":   {withBudget(full(wants(10, "victims=uid-a")), 1), false, "node  evicted a"},
		"never preempts":          {full(neverPreempting(wants(10, "victims=uid-a"))), false, nobody + "not eligible due to preemptionPolicy=Never."},
		"never preempts, a node":  {full(neverPreempting(wants(10, "node=n0"))), false, "node n0 evicted "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			plugin := &preemptor
			if tc.reclaim {
				plugin = &reclaimer
			}
			// The plugin remembers whose victims take their time.
			tc.scene.pod.UID = types.UID("uid-" + name)
			e := tc.scene.withGuest(t, plugin)
			got := e.found(e.evict(tc.scene.pod, plugin.running))
			if strings.HasPrefix(tc.want, "Error") {
				if !strings.Contains(got, tc.want) {
					t.Errorf("got %q, want it to contain %q", got, tc.want)
				}
				return
			}
			got = strings.ReplaceAll(got, `running PostFilter plugin "policy": `, "")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("PostFilter (-want +got):\n%s", diff)
			}
		})
	}
}

func withBudget(s *scene, allowed int32) *scene {
	s.budgets = append(s.budgets, budget("web", allowed))
	return s
}

func neverPreempting(pod *v1.Pod) *v1.Pod {
	never := v1.PreemptNever
	pod.Spec.PreemptionPolicy = &never
	return pod
}

// Victims that a budget protects are not evicted on a policy's word: its ranks find others, and if
// there is no other way, break the budget.
func TestPostFilterKeepsBudgets(t *testing.T) {
	preemptor.load(t)
	s := withBudget(full(wants(10, "node=n1", "victims=uid-a,uid-c")), 1)
	e := s.withGuest(t, &preemptor)
	result, status := e.evict(s.pod, preemptor.running)
	if got, want := e.found(result, status), "node n0 evicted a,b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What the scheduler does to a victim, it does to those of a policy: an event, a condition, a deletion.
func TestEvictionIsThatOfTheScheduler(t *testing.T) {
	preemptor.load(t)
	s := full(wants(10, "node=n1", "victims=uid-a,uid-c"))
	e := s.withGuest(t, &preemptor)
	e.evict(s.pod, preemptor.running)
	var got []string
	for range 2 {
		got = append(got, <-e.events.Events)
	}
	slices.Sort(got)
	event := "Normal Preempted Preempted by pod uid-p on node n1"
	if diff := cmp.Diff([]string{event, event}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	verbs := map[string]int{}
	for _, a := range e.client.Actions() {
		verbs[a.GetVerb()+" "+a.GetResource().Resource+" "+a.GetSubresource()]++
	}
	if diff := cmp.Diff(map[string]int{"patch pods status": 2, "delete pods ": 2}, verbs); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// A pod does not choose more victims while those that it has take their time, on whatever node.
func TestPostFilterWaitsForVictims(t *testing.T) {
	preemptor.load(t)
	first := full(wants(10, "node=n1", "victims=uid-a"))
	first.withGuest(t, &preemptor).evict(first.pod, preemptor.running)

	again := full(wants(10, "node=n1", "victims=uid-b"))
	now := metav1.NewTime(time.Now())
	again.pods[0].DeletionTimestamp = &now
	e := again.withGuest(t, &preemptor)
	want := "node - evicted  Unschedulable: policy: not eligible due to a terminating victim."
	if got := e.found(e.evict(again.pod, preemptor.running)); got != want {
		t.Errorf("while the victim terminates: got %q, want %q", got, want)
	}

	gone := full(wants(10, "node=n1", "victims=uid-b"))
	gone.pods = gone.pods[1:]
	e = gone.withGuest(t, &preemptor)
	if got, want := e.found(e.evict(gone.pod, preemptor.running)), "node n1 evicted b"; got != want {
		t.Errorf("when it is gone: got %q, want %q", got, want)
	}
}

// While evictions run the pod must not enter the queue.
func TestPreemptingGatesThePod(t *testing.T) {
	preemptor.load(t)
	p := preemptor.policy()
	if got := p.preempting(wants(1)); got != nil {
		t.Errorf("preempting before: %v", got)
	}
	s := full(wants(10, "victims=uid-a"))
	e := s.withGuest(t, &preemptor)
	hold, held := make(chan struct{}), make(chan *fwk.Status, 1)
	e.holdDeletions(hold)
	go func() {
		for p.preempting(s.pod) == nil {
			time.Sleep(time.Millisecond)
		}
		held <- p.preempting(s.pod)
		close(hold)
	}()
	e.evict(s.pod, preemptor.running)
	if got, want := describe(<-held), "UnschedulableAndUnresolvable: waiting for the preemption for this pod to be finished"; got != want {
		t.Errorf("preempting meanwhile: got %q, want %q", got, want)
	}
	if got := p.preempting(s.pod); got != nil {
		t.Errorf("preempting after: %v", got)
	}
}
