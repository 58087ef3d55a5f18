// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
	"github.com/stowage-scheduler/stowage/test/perf/native"
)

// The same policy as a guest and as a native plugin decides the same on random pods and nodes,
// while nodes come, go and change between attempts, and also on altered copies of nodes. A later
// host's records are longer than the guest was built for.
func TestGuestDecidesLikeNative(t *testing.T) {
	for name, tc := range map[string]struct {
		padding int
		deadly  bool
		cycles  int
	}{
		"this host":       {0, false, 120},
		"a later host":    {24, false, 40},
		"guests that die": {0, true, 60},
	} {
		t.Run(name, func(t *testing.T) {
			host := &Host{opts: snapshot.Options{Padding: tc.padding}}
			h := newHarnessOn(t, host, "test/guests/zone-resource", nil)
			if tc.deadly {
				h.killGuests()
			}
			w := &randomWorld{TB: t, Rand: rand.New(rand.NewPCG(1, 2))}
			for range 100 {
				w.addNode()
			}
			var pairs sync.Map
			for n := range tc.cycles {
				w.change()
				compareAttempt(t, h.plugin.(*filterScorePlugin), w, w.pod(n), &pairs)
			}
			count := 0
			pairs.Range(func(any, any) bool { count++; return true })
			if want := tc.cycles * 80; count < want {
				t.Fatalf("compared %d pairs, want at least %d", count, want)
			}
		})
	}
}

// compareAttempt runs one attempt on both plugins: Filter by several workers, then Score.
func compareAttempt(t *testing.T, guest *filterScorePlugin, w *randomWorld, pod *v1.Pod, pairs *sync.Map) {
	t.Helper()
	ctx, plain := t.Context(), &native.Plugin{}
	ours, theirs := framework.NewCycleState(), framework.NewCycleState()
	if _, s := guest.PreFilter(ctx, ours, pod, w.list); !s.IsSuccess() {
		t.Fatalf("PreFilter: %s", describe(s))
	}
	plain.PreFilter(ctx, theirs, pod, w.list)
	inWorkers(len(w.list), func(i int) {
		for _, info := range []fwk.NodeInfo{w.list[i], w.altered(i)} {
			got, want := guest.Filter(ctx, ours, pod, info), plain.Filter(ctx, theirs, pod, info)
			if got.Code() != want.Code() {
				t.Errorf("pod %v on node %v: got %q, want %q", pod.Labels, info.Node().Labels, describe(got), describe(want))
			}
		}
		pairs.Store(pod.Name+w.list[i].Node().Name, true)
	})
	guest.PreScore(ctx, ours, pod, w.list)
	plain.PreScore(ctx, theirs, pod, w.list)
	inWorkers(len(w.list), func(i int) {
		for _, info := range []fwk.NodeInfo{w.list[i], w.altered(i)} {
			got, s := guest.Score(ctx, ours, pod, info)
			if want, _ := plain.Score(ctx, theirs, pod, info); got != want || !s.IsSuccess() {
				t.Errorf("score of %s: got %d %q, want %d", info.Node().Name, got, describe(s), want)
			}
		}
	})
}

func inWorkers(n int, f func(i int)) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < n; i += 4 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// randomWorld is a node list as the scheduler's snapshot keeps it: the same slice while nodes
// only change, a new one when they come or go.
type randomWorld struct {
	testing.TB
	*rand.Rand
	list []fwk.NodeInfo
	made int
}

var someZones = []string{"", "a", "b", "zone-ä", "a-longer-name-of-a-zone"}

func (w *randomWorld) node(name string) *v1.Node {
	b := st.MakeNode().Name(name).Label("kubernetes.io/hostname", name)
	if z := w.IntN(len(someZones) + 1); z < len(someZones) {
		b.Label(v1.LabelTopologyZone, someZones[z])
	}
	for i := range w.IntN(4) {
		b.Label(fmt.Sprintf("example.com/%d", i), fmt.Sprint(w.IntN(3)))
	}
	return b.Capacity(map[v1.ResourceName]string{
		"cpu": fmt.Sprintf("%dm", w.IntN(9000)), "memory": fmt.Sprint(w.Int64N(1 << 36)), "pods": "110",
	}).Obj()
}

func (w *randomWorld) addNode() {
	info := framework.NewNodeInfo()
	info.SetNode(w.node(fmt.Sprintf("n%d", w.made)))
	w.made++
	w.list = append(slices.Clone(w.list), info)
}

func (w *randomWorld) pod(n int) *v1.Pod {
	b := st.MakePod().Name(fmt.Sprintf("p%d", n)).UID(fmt.Sprintf("p%d", n)).
		Req(map[v1.ResourceName]string{"cpu": fmt.Sprintf("%dm", w.IntN(3000)), "memory": fmt.Sprint(w.Int64N(1 << 34))})
	if z := w.IntN(len(someZones) + 1); z < len(someZones) {
		b.Label(native.ZoneLabel, someZones[z])
	}
	return b.Obj()
}

// change does what happens between two attempts.
func (w *randomWorld) change() {
	for range 1 + w.IntN(8) {
		i := w.IntN(len(w.list))
		switch info := w.list[i]; w.IntN(6) {
		case 0:
			w.addNode()
		case 1:
			w.list = slices.Delete(slices.Clone(w.list), i, i+1)
		case 2:
			info.SetNode(w.node(info.Node().Name))
		case 3:
			w.list = slices.Clone(w.list)
			w.Shuffle(len(w.list), func(a, b int) { w.list[a], w.list[b] = w.list[b], w.list[a] })
		default:
			w.addPod(info)
		}
	}
}

func (w *randomWorld) addPod(info fwk.NodeInfo) {
	w.made++
	pod, err := framework.NewPodInfo(w.pod(1_000_000 + w.made))
	if err != nil {
		w.Fatal(err)
	}
	info.AddPodInfo(pod)
}

// altered is a copy of a node as preemption and nominated pods make them: without its first
// pod, or with one more.
func (w *randomWorld) altered(i int) fwk.NodeInfo {
	c := w.list[i].Snapshot()
	if pods := c.GetPods(); len(pods) > 0 {
		if err := c.RemovePod(klog.Background(), pods[0].GetPod()); err != nil {
			w.Error(err)
		}
		return c
	}
	pod, err := framework.NewPodInfo(st.MakePod().Name("nominated").UID("nominated").Req(map[v1.ResourceName]string{"cpu": "1"}).Obj())
	if err != nil {
		w.Error(err)
		return c
	}
	c.AddPodInfo(pod)
	return c
}
