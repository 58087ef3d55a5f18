// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultpreemption"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
	tf "k8s.io/kubernetes/pkg/scheduler/testing/framework"
)

func TestPostFilterWithRanks(t *testing.T) {
	preemptor.load(t)
	reclaimer.load(t, "reclaim")
	tests := map[string]struct {
		scene   *scene
		reclaim bool
		want    string
	}{
		"a protected pod makes its node useless": {
			full(wants(30)), false, "node n0 evicted a,b",
		},
		"ranks come before priorities": {
			&scene{nodes: zoned(2), pod: wants(30), pods: []*v1.Pod{
				runs("a", "n0", 1).Label("rank", "1").Req(cpu("4")).Obj(), runs("b", "n1", 9).Label("rank", "2").Req(cpu("4")).Obj(),
			}}, false, "node n1 evicted b",
		},
		"who goes first stays gone": {
			&scene{nodes: zoned(1), pod: sized(wants(30), "2"), pods: []*v1.Pod{
				runs("a", "n0", 1).Label("rank", "1").Obj(), runs("b", "n0", 9).Label("rank", "2").Obj(),
			}}, false, "node n0 evicted b",
		},
		"ranks of pods that may not go count for nothing": {
			&scene{nodes: zoned(1), pod: wants(5), pods: []*v1.Pod{
				runs("a", "n0", 1).Label("rank", "1").Obj(), runs("b", "n0", 9).Label("rank", "2").Obj(),
			}}, false, "node  evicted  Unschedulable",
		},
		"unless they are reclaimed": {
			&scene{nodes: zoned(1), pod: wants(5), pods: []*v1.Pod{
				runs("a", "n0", 1).Label("rank", "1").Obj(), runs("b", "n0", 9).Label("rank", "2").Obj(),
			}}, true, "node n0 evicted a,b",
		},
		"the system's pods never are": {
			&scene{nodes: zoned(1), pod: wants(5), pods: []*v1.Pod{
				runs("a", "n0", 2_000_000_000).Label("rank", "1").Obj(),
			}}, true, "node  evicted  Unschedulable",
		},
		"a budget is broken last": {
			withBudget(&scene{nodes: zoned(1), pod: sized(wants(30), "2"), pods: []*v1.Pod{
				runs("a", "n0", 1).Label("rank", "1").Obj(), runs("b", "n0", 9).Label("rank", "2").Label("app", "web").Obj(),
			}}, 0), false, "node n0 evicted a",
		},
		"never preempts": {full(neverPreempting(wants(30))), false, "node - evicted  Unschedulable: policy: not eligible due to preemptionPolicy=Never."},
		"a panic":        {full(wants(30, "panic=rank")), false, "node - evicted  Error"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			plugin := &preemptor
			if tc.reclaim {
				plugin = &reclaimer
			}
			e := tc.scene.withGuest(t, plugin)
			got := e.found(e.evict(tc.scene.pod, plugin.running))
			if !strings.HasPrefix(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func cpu(n string) map[v1.ResourceName]string { return map[v1.ResourceName]string{"cpu": n} }

func sized(pod *v1.Pod, cpus string) *v1.Pod {
	pod.Spec.Containers = st.MakePod().Req(cpu(cpus)).Obj().Spec.Containers
	return pod
}

// With ranks that follow from priorities, the host's search is the scheduler's.
func TestRankedSearchIsTheSchedulers(t *testing.T) {
	preemptor.load(t)
	w := &evictionWorld{Rand: rand.New(rand.NewPCG(3, 4))}
	outcomes := map[bool]int{}
	for n := range 80 {
		s := w.scene(n, "")
		ours := s.withGuest(t, &preemptor)
		got := ours.found(ours.evict(s.pod, preemptor.running))
		want := s.native(t)
		got, _, _ = strings.Cut(got, " Unschedulable")
		want, _, _ = strings.Cut(want, " Unschedulable")
		if got != want {
			t.Errorf("scene %d: got %q, want %q", n, got, want)
		}
		outcomes[strings.Contains(want, "evicted p")]++
	}
	if outcomes[true] < 25 || outcomes[false] < 3 {
		t.Errorf("%d scenes had victims and %d had none: that proves little", outcomes[true], outcomes[false])
	}
}

// native is what the scheduler's own plugin does in the scene.
func (s *scene) native(tb testing.TB, more ...tf.RegisterPluginFunc) string {
	tb.Helper()
	var plugin *defaultpreemption.DefaultPreemption
	e := s.on(tb, informers.NewSharedInformerFactory(fake.NewClientset(), 0), func(ctx context.Context, _ runtime.Object, handle fwk.Handle) (_ fwk.Plugin, err error) {
		plugin, err = defaultpreemption.New(ctx, &config.DefaultPreemptionArgs{MinCandidateNodesPercentage: 10, MinCandidateNodesAbsolute: 100},
			renamed{handle}, feature.Features{EnableAsyncPreemption: true})
		return named{plugin}, err
	}, more...)
	return e.found(e.evict(s.pod, func(pod *v1.Pod) bool { return plugin.Executor.IsPodRunningPreemption(pod.UID) }))
}

// renamed and named let a plugin be under the policy's name.
type renamed struct{ fwk.Handle }

type named struct {
	*defaultpreemption.DefaultPreemption
}

func (named) Name() string { return "policy" }

// evictionWorld makes scenes.
type evictionWorld struct{ *rand.Rand }

// scene is a cluster of nodes that are full or nearly so, some of whose pods are of an app.
func (w *evictionWorld) scene(n int, limit string) *scene {
	s := &scene{nodes: zoned(2 + w.IntN(8))}
	for i := range s.nodes {
		for j := range 1 + w.IntN(6) {
			name := fmt.Sprintf("p%d-%d", i, j)
			pod := st.MakePod().Namespace("default").Name(name).UID("uid-" + name).Node(s.nodes[i].Name).
				Priority(int32(w.IntN(8) - 1)).Req(cpu(fmt.Sprintf("%dm", 200+w.IntN(1500)))).
				// No two the same, so that nothing is left to chance.
				StartTime(metav1.NewTime(time.Unix(int64(1_000_000+w.IntN(1_000_000_000)), 0)))
			if w.IntN(2) == 0 {
				pod.Label("app", string(rune('a'+w.IntN(2))))
			}
			s.pods = append(s.pods, pod.Obj())
		}
	}
	for _, app := range []string{"a", "b"} {
		if w.IntN(2) == 0 {
			s.budgets = append(s.budgets, budget(app, int32(w.IntN(3))))
		}
	}
	for i := range w.IntN(3) {
		name := fmt.Sprintf("nominated%d", i)
		s.nominated = append(s.nominated, st.MakePod().Namespace("default").Name(name).UID("uid-"+name).Label("app", "a").
			Priority(int32(w.IntN(9))).Req(cpu("500m")).NominatedNodeName(s.nodes[w.IntN(len(s.nodes))].Name).Obj())
	}
	pod := st.MakePod().Namespace("default").Name("new").UID(fmt.Sprintf("uid-new-%d", n)).Priority(int32(w.IntN(9))).
		Label("app", "a").Req(cpu(fmt.Sprintf("%dm", 1000+w.IntN(3500))))
	if limit != "" {
		pod.Label("limit", limit)
	}
	s.pod = pod.Obj()
	return s
}
