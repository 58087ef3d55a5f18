// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultbinder"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/queuesort"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

const rackGroup = "test/guests/rack-group"

// racked makes nodes for the given number of pods each, two in each rack: n0 and n1 in r0, ...
func racked(room ...int) (nodes []*v1.Node) {
	for i, pods := range room {
		nodes = append(nodes, st.MakeNode().Name(fmt.Sprintf("n%d", i)).Label("rack", fmt.Sprintf("r%d", i/2)).
			Label("row", fmt.Sprintf("w%d", i/4)).
			Capacity(map[v1.ResourceName]string{"cpu": "4", "pods": fmt.Sprint(pods)}).Obj())
	}
	return nodes
}

// enableGroups turns on what the scheduler needs for placements of groups.
func enableGroups(tb testing.TB) {
	featuregatetesting.SetFeatureGatesDuringTest(tb, utilfeature.DefaultFeatureGate, featuregatetesting.FeatureOverrides{
		features.GenericWorkload: true, features.TopologyAwareWorkloadScheduling: true,
	})
}

// placing is a profile in which the policy in a file generates and scores placements.
func (h *harness) placing(path string) framework.Framework {
	h.Helper()
	metrics.Register()
	host := NewHost()
	host.SetLoadTimeout(loadTimeout)
	client, on := fake.NewClientset(), func(name string) config.PluginSet {
		return config.PluginSet{Enabled: []config.Plugin{{Name: name, Weight: 2}}}
	}
	f, err := frameworkruntime.NewFramework(h.ctx,
		frameworkruntime.Registry{queuesort.Name: queuesort.New, defaultbinder.Name: defaultbinder.New, "policy": host.Factory("policy")},
		&config.KubeSchedulerProfile{
			SchedulerName: "stowage",
			Plugins: &config.Plugins{
				QueueSort: on(queuesort.Name), Bind: on(defaultbinder.Name), MultiPoint: on("policy"),
			},
			PluginConfig: []config.PluginConfig{{Name: "policy", Args: args(path)}},
		},
		frameworkruntime.WithSnapshotSharedLister(h.snap), frameworkruntime.WithClientSet(client),
		frameworkruntime.WithEventRecorder(h.events), frameworkruntime.WithParallelism(16),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(client, 0)))
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if err := f.Close(); err != nil {
			h.Error(err)
		}
		if err := host.Close(); err != nil {
			h.Error(err)
		}
	})
	return f
}

// wantPlacements checks what the framework makes of all nodes.
func (h *harness) wantPlacements(f framework.Framework, when string, state fwk.PodGroupCycleState, g fwk.PodGroupInfo, fail string, want ...string) {
	h.Helper()
	var got []string
	list, status := f.RunPlacementGeneratePlugins(h.ctx, state, g, h.nodes())
	for _, p := range list {
		got = append(got, h.describePlacement(p))
	}
	if diff := cmp.Diff(want, got); diff != "" || describe(status) != fail {
		h.Errorf("%s: status %q, want %q; placements (-want,+got):\n%s", when, describe(status), fail, diff)
	}
}

// scoreOn is the framework's scores of a group on nodes, by their names.
func (h *harness) scoreOn(f framework.Framework, cycle fwk.PodGroupCycleState, g *framework.PodGroupInfo, placements ...string) map[string]int64 {
	h.Helper()
	var assignments []*fwk.PodGroupAssignments
	var states []fwk.PlacementCycleState
	for _, nodes := range placements {
		state := framework.NewCycleState()
		state.SetPodGroupSchedulingCycle(cycle)
		assignments, states = append(assignments, assign(g, strings.Split(nodes, ",")...)), append(states, state)
	}
	list, status := f.RunPlacementScorePlugins(h.ctx, cycle, g, assignments, states)
	if !status.IsSuccess() {
		h.Fatal(describe(status))
	}
	got := map[string]int64{}
	for _, s := range list {
		got[s.Placement.Name] = s.TotalScore
	}
	return got
}

// The framework with its gates on, and a policy in Go.
func TestPlacementsInFramework(t *testing.T) {
	enableGroups(t)
	h := newBareHarness(t, append(racked(2, 1, 1, 1, 5, 5), st.MakeNode().Name("loose").Obj())).inOrder()
	f := h.placing(wt.Path(t, rackGroup))
	within := func(g *framework.PodGroupInfo, label string) *framework.PodGroupInfo {
		g.PodGroup.Labels = map[string]string{"rack-group/within": label}
		return g
	}
	const none = "Unschedulable: no feasible placements found"
	for name, tc := range map[string]struct {
		group *framework.PodGroupInfo
		want  []string
		fail  string
	}{
		"each rack":          {group: groupOf(2, 2), want: []string{"r0: n0 n1", "r1: n2 n3", "r2: n4 n5"}},
		"racks with room":    {group: groupOf(3, 3), want: []string{"r0: n0 n1", "r2: n4 n5"}},
		"another label":      {group: within(groupOf(5, 5), "row"), want: []string{"w0: n0 n1 n2 n3", "w1: n4 n5"}},
		"no rack is enough":  {group: groupOf(11, 11), fail: none},
		"nobody has a label": {group: within(groupOf(1, 1), "hall"), fail: none},
	} {
		h.wantPlacements(f, name, framework.NewCycleState(), tc.group, tc.fail, tc.want...)
		h.wantPlacements(f, name+", as a part of another", nested(), tc.group, tc.fail, tc.want...)
	}
	h.simulate(f)
	got := h.scoreOn(f, framework.NewCycleState(), groupOf(4, 4), "n0", "n0,n1", "n2,n3,n4", "loose")
	if diff := cmp.Diff(map[string]int64{"n0": 200, "n0,n1": 100, "n2,n3,n4": 66, "loose": 200}, got); diff != "" {
		t.Errorf("weighted scores (-want,+got):\n%s", diff)
	}
}

// simulate checks that the policy sees the pods that other parts of the group would have on the nodes,
// and no more once they are taken away again.
func (h *harness) simulate(f framework.Framework) {
	h.Helper()
	g, all := groupOf(3, 3), []string{"r0: n0 n1", "r2: n4 n5"}
	other, err := framework.NewPodInfo(st.MakePod().Name("other").UID("other").Node("n1").Obj())
	if err != nil {
		h.Fatal(err)
	}
	for range 2 {
		if err := h.snap.AssumePod(other); err != nil {
			h.Fatal(err)
		}
		h.wantPlacements(f, "with another part on a node", nested(), g, "", all[1])
		if err := h.snap.ForgetPod(klog.Background(), other.Pod); err != nil {
			h.Fatal(err)
		}
		h.wantPlacements(f, "when it is taken back", nested(), g, "", all...)
		h.wantPlacements(f, "in the next cycle", framework.NewCycleState(), g, "", all...)
	}
}

// Placements are scored in parallel, in cycle after cycle.
func TestScorePlacementsInParallel(t *testing.T) {
	p := placer(guest.Placement{Name: "some", Slots: []uint32{0, 1}})
	h := newHarnessOf(t, p, map[string]any{"limits": map[string]any{"instances": 3, "deadline": "10s"}}).inOrder()
	for n := range 8 {
		g, cycle := groupOf(n+1, int32(n)), framework.NewCycleState()
		if got, fail := h.placements(cycle, g); !cmp.Equal(got, []string{"some: n0 n1"}) || fail != "" {
			t.Fatalf("placements %q, %q", got, fail)
		}
		var workers sync.WaitGroup
		for i := range 64 {
			workers.Go(func() {
				score, fail := h.scorePlacement(cycle, g, assign(g, fmt.Sprintf("n%d", i%3), "n0"))
				if score != int64(n) || fail != "" {
					t.Errorf("placement %d of group %d: %d %q, want %d", i, n, score, fail, n)
				}
			})
		}
		workers.Wait()
	}
}
