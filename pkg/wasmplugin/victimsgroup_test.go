// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
)

// grouped is two nodes that are full, and a group of two pods that each need half of one.
func grouped(priority int32, victims string, more ...*v1.Pod) *scene {
	s := full(nil, more...)
	group := st.MakePodGroup().Namespace("default").Name("g").UID("uid-g").MinCount(2).Priority(priority).Obj()
	if victims != "" {
		group.Labels = map[string]string{"victims": victims}
	}
	s.groups = []*schedulingv1beta1.PodGroup{group}
	s.pod = s.member(0)
	return s
}

func (s *scene) member(i int) *v1.Pod {
	name := fmt.Sprintf("g%d", i)
	return st.MakePod().Namespace("default").Name(name).UID("uid-" + name).PodGroupName("g").Priority(*s.groups[0].Spec.Priority).Req(cpu("2")).Obj()
}

// info is the group as it is scheduled.
func (s *scene) info() *framework.PodGroupInfo {
	return &framework.PodGroupInfo{
		Namespace: "default", Name: "g", Type: fwk.PodGroupKeyType, PodGroup: s.groups[0],
		UnscheduledPods: []*v1.Pod{s.pod, s.member(1)},
	}
}

// groupAssignment is where a pod of a group goes.
type groupAssignment struct {
	info  fwk.PodInfo
	node  string
	state fwk.CycleState
}

func (a *groupAssignment) GetPod() *v1.Pod               { return a.info.GetPod() }
func (a *groupAssignment) GetPodInfo() fwk.PodInfo       { return a.info }
func (a *groupAssignment) GetNodeName() string           { return a.node }
func (a *groupAssignment) GetCycleState() fwk.CycleState { return a.state }

// fit schedules the pods one after the other as the scheduler does, and takes it back.
func (e *eviction) fit(pods []*v1.Pod) fwk.PodGroupSchedulingFunc {
	return func(ctx context.Context) (*fwk.PodGroupAssignments, *fwk.Status) {
		all := &fwk.PodGroupAssignments{}
		for _, pod := range pods {
			state := framework.NewCycleState()
			state.SetPodGroupSchedulingCycle(framework.NewCycleState())
			node := e.place(ctx, state, pod)
			if node == "" {
				return all, fwk.NewStatus(fwk.Unschedulable, "the group does not fit")
			}
			assumed := pod.DeepCopy()
			assumed.Spec.NodeName = node
			info, err := framework.NewPodInfo(assumed)
			if err == nil {
				err = e.snap.AssumePod(info)
			}
			if err != nil {
				e.Error(err)
			}
			defer func() {
				if err := e.snap.ForgetPod(klog.Background(), assumed); err != nil {
					e.Error(err)
				}
			}()
			all.ProposedAssignments = append(all.ProposedAssignments, &groupAssignment{info, node, state})
		}
		return all, nil
	}
}

// place is the first node on which the pod fits.
func (e *eviction) place(ctx context.Context, state fwk.CycleState, pod *v1.Pod) string {
	nodes, err := e.snap.NodeInfos().List()
	if err != nil {
		e.Error(err)
	}
	if _, s, _ := e.framework.RunPreFilterPlugins(ctx, state, pod); !s.IsSuccess() {
		e.Error(describe(s))
	}
	for _, info := range nodes {
		if e.framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, info).IsSuccess() {
			return info.Node().Name
		}
	}
	return ""
}

// layout is the pods of each node.
func (e *eviction) layout() map[string][]string {
	nodes, err := e.snap.NodeInfos().List()
	if err != nil {
		e.Error(err)
	}
	out := map[string][]string{}
	for _, info := range nodes {
		for _, on := range info.GetPods() {
			out[info.Node().Name] = append(out[info.Node().Name], on.GetPod().Name)
		}
	}
	return out
}

func nominations(r *fwk.PodGroupPostFilterResult) string {
	if r == nil {
		return ""
	}
	// Which of the pods goes where is the scheduler's to choose.
	var pods, nodes []string
	for key, info := range r.NominatingInfos {
		pods, nodes = append(pods, key.Name), append(nodes, info.NominatedNodeName)
	}
	slices.Sort(pods)
	slices.Sort(nodes)
	if len(pods) == 0 {
		return ""
	}
	return strings.Join(pods, " ") + " to " + strings.Join(nodes, " ")
}

func TestPodGroupPostFilter(t *testing.T) {
	// What evicts is made anew for each scene, with the gate on.
	preemptor.load(t)
	reclaimer.load(t, "reclaim")
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.GenericWorkload, true)
	team := func(name, node string, priority int32) *v1.Pod {
		return runs(name, node, priority).Req(nil).PodGroupName("team").Obj()
	}
	tests := map[string]struct {
		scene   *scene
		reclaim bool
		want    string
	}{
		"victims make room":          {grouped(10, "uid-a.uid-c"), false, "g0 g1 to n0 n1 evicted a,c"},
		"all that were named go":     {grouped(10, "uid-a.uid-b.uid-c"), false, "... evicted a,b,c"},
		"they do not make room":      {grouped(10, "uid-a"), false, " evicted  Unschedulable: policy: preemption: the group does not fit"},
		"no idea":                    {grouped(10, ""), false, " evicted  Unschedulable: pod rejected by policy: no idea"},
		"unknown":                    {grouped(10, "uid-x"), false, ` evicted  Error: ABI violation in stowage_pod_group_post_filter: victim "uid-x" is not on any node`},
		"higher priority":            {grouped(10, "uid-a.uid-d"), false, ` evicted  Error: ABI violation in stowage_pod_group_post_filter: victim "uid-d" has priority 20, which is not below the preemptor's 10`},
		"reclaim":                    {grouped(0, "uid-a.uid-d"), true, "g0 g1 to n0 n1 evicted a,d"},
		"a budget":                   {withBudget(grouped(10, "uid-a.uid-c"), 1), false, " evicted  Unschedulable: policy: a disruption budget protects pod default/"},
		"a part of a group":          {withTeam(grouped(10, "uid-a.uid-c.uid-x", team("x", "n0", 1), team("y", "n1", 1)), 1), false, ` evicted  Error: ABI violation in stowage_pod_group_post_filter: victim "uid-x" is of a group that is only disrupted as a whole`},
		"a whole group":              {withTeam(grouped(10, "uid-a.uid-c.uid-x.uid-y", team("x", "n0", 1), team("y", "n1", 1)), 1), false, "g0 g1 to n0 n1 evicted a,c,x,y"},
		"a group of higher priority": {withTeam(grouped(10, "uid-a.uid-c.uid-x.uid-y", team("x", "n0", 1), team("y", "n1", 1)), 11), false, ` evicted  Error: ABI violation in stowage_pod_group_post_filter: victim "uid-`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			plugin := &preemptor
			if tc.reclaim {
				plugin = &reclaimer
			}
			e := tc.scene.withGuest(t, plugin)
			plugin.fresh()
			info, before := tc.scene.info(), e.layout()
			result, status := plugin.plugin.(fwk.PodGroupPostFilterPlugin).PodGroupPostFilter(e.ctx, framework.NewCycleState(), info, e.fit(info.UnscheduledPods))
			e.wait(tc.scene.pod, plugin.running)
			got := nominations(result) + " evicted " + strings.Join(e.evicted(), ",")
			if !status.IsSuccess() {
				got += " " + describe(status)
			}
			// Where the pods go is chance if there is room on both nodes.
			if rest, open := strings.CutPrefix(tc.want, "..."); !strings.HasPrefix(got, tc.want) && (!open || !strings.HasSuffix(got, rest)) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if diff := cmp.Diff(before, e.layout()); diff != "" {
				t.Errorf("the snapshot has changed (-before +after):\n%s", diff)
			}
		})
	}
}

// withTeam adds a group that runs and is only disrupted as a whole.
func withTeam(s *scene, priority int32) *scene {
	s.groups = append(s.groups, st.MakePodGroup().Namespace("default").Name("team").UID("uid-team").MinCount(2).Priority(priority).DisruptionModeAll().Obj())
	return s
}

// While victims of a group's pods terminate the group waits where it was nominated to.
func TestPodGroupWaitsForVictims(t *testing.T) {
	preemptor.load(t)
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.GenericWorkload, true)
	leaving := runs("gone", "n0", 1).Terminating().
		Condition(v1.DisruptionTarget, v1.ConditionTrue, v1.PodReasonPreemptionByScheduler).Obj()
	s := grouped(10, "uid-a.uid-c", leaving)
	s.pod.Status.NominatedNodeName = "n0"
	e := s.withGuest(t, &preemptor)
	preemptor.fresh()
	info := s.info()
	result, status := preemptor.plugin.(fwk.PodGroupPostFilterPlugin).PodGroupPostFilter(e.ctx, framework.NewCycleState(), info, e.fit(info.UnscheduledPods))
	if got, want := nominations(result)+describe(status), "g0 g1 to  n0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
