// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	tf "k8s.io/kubernetes/pkg/scheduler/testing/framework"
)

// zoneLimit is test/guests/preempt's filter as a native plugin: at most so many pods of the app in a zone.
type zoneLimit struct{}

type zoneCounts map[string]int

const zoneLimitKey = "native/zone-limit"

func (c zoneCounts) Clone() fwk.StateData { return maps.Clone(c) }

func (zoneLimit) Name() string { return "zone-limit" }

// SignPod spares the test's log: without it the framework says that there is no batching.
func (zoneLimit) SignPod(context.Context, *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	return nil, fwk.NewStatus(fwk.Unschedulable)
}

func zoneOf(info fwk.NodeInfo) string { return info.Node().Labels[v1.LabelTopologyZone] }

func (zoneLimit) PreFilter(_ context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	counts := zoneCounts{}
	for _, info := range nodes {
		for _, on := range info.GetPods() {
			if on.GetPod().Labels["app"] == pod.Labels["app"] {
				counts[zoneOf(info)]++
			}
		}
	}
	state.Write(zoneLimitKey, counts)
	return nil, nil
}

func (z zoneLimit) PreFilterExtensions() fwk.PreFilterExtensions { return z }

func (zoneLimit) change(state fwk.CycleState, pod *v1.Pod, other fwk.PodInfo, info fwk.NodeInfo, by int) *fwk.Status {
	data, err := state.Read(zoneLimitKey)
	if err != nil {
		return fwk.AsStatus(err)
	}
	if other.GetPod().Labels["app"] == pod.Labels["app"] {
		data.(zoneCounts)[zoneOf(info)] += by
	}
	return nil
}

func (z zoneLimit) AddPod(_ context.Context, state fwk.CycleState, pod *v1.Pod, other fwk.PodInfo, info fwk.NodeInfo) *fwk.Status {
	return z.change(state, pod, other, info, 1)
}

func (z zoneLimit) RemovePod(_ context.Context, state fwk.CycleState, pod *v1.Pod, other fwk.PodInfo, info fwk.NodeInfo) *fwk.Status {
	return z.change(state, pod, other, info, -1)
}

func (zoneLimit) Filter(_ context.Context, state fwk.CycleState, pod *v1.Pod, info fwk.NodeInfo) *fwk.Status {
	data, err := state.Read(zoneLimitKey)
	if err != nil {
		return fwk.AsStatus(err)
	}
	if limit, err := strconv.Atoi(pod.Labels["limit"]); err == nil && data.(zoneCounts)[zoneOf(info)] >= limit {
		return fwk.NewStatus(fwk.Unschedulable, "too many pods of the app in the zone")
	}
	return nil
}

var nativeZoneLimit = tf.RegisterPluginAsExtensions("zone-limit", func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) {
	return zoneLimit{}, nil
}, "PreFilter", "Filter")

// A policy with state chooses the victims that the same native plugin does, with 16 workers at a time,
// and whichever guests die meanwhile.
func TestStateSurvivesPreemption(t *testing.T) {
	preemptor.load(t)
	for name, deaths := range map[string]bool{"guests live": false, "guests die": true} {
		t.Run(name, func(t *testing.T) {
			if deaths {
				defer killGuests(t, preemptor.policy())()
			}
			w := &evictionWorld{Rand: rand.New(rand.NewPCG(5, 6))}
			victims := 0
			for n := range 40 {
				s := w.scene(n, fmt.Sprint(1+w.IntN(3)))
				ours := s.withGuest(t, &preemptor)
				got := ours.found(ours.evict(s.pod, preemptor.running))
				want := s.native(t, nativeZoneLimit)
				got, _, _ = strings.Cut(got, " Unschedulable")
				want, _, _ = strings.Cut(want, " Unschedulable")
				if got != want {
					t.Errorf("scene %d: got %q, want %q", n, got, want)
				}
				if strings.Contains(want, "evicted p") {
					victims++
				}
			}
			if victims < 10 {
				t.Errorf("%d scenes had victims: that proves little", victims)
			}
		})
	}
}

// A change is for one CycleState: clones made before keep the state that they have.
func TestPodChangesAreForOneState(t *testing.T) {
	preemptor.load(t)
	w := &evictionWorld{Rand: rand.New(rand.NewPCG(7, 8))}
	s := w.scene(0, "1")
	e := s.withGuest(t, &preemptor)
	plugin := preemptor.plugin.(interface {
		fwk.PreFilterPlugin
		fwk.FilterPlugin
	})
	if _, s := plugin.PreFilter(e.ctx, e.state, s.pod, e.nodes); !s.IsSuccess() {
		t.Fatal(describe(s))
	}
	before, info := e.state.Clone(), e.nodes[0]
	first := describe(plugin.Filter(e.ctx, before, s.pod, info))
	other, err := framework.NewPodInfo(runs("other", info.Node().Name, 0).Label("app", "a").Obj())
	if err != nil {
		t.Fatal(err)
	}
	change := plugin.PreFilterExtensions().AddPod
	for range 5 {
		if s := change(e.ctx, e.state, s.pod, other, info); !s.IsSuccess() {
			t.Fatal(describe(s))
		}
	}
	if got, want := describe(plugin.Filter(e.ctx, e.state, s.pod, info)), "Unschedulable: node(s) rejected by policy: too many pods of the app in the zone"; got != want {
		t.Errorf("after AddPod: got %q, want %q", got, want)
	}
	if got := describe(plugin.Filter(e.ctx, before, s.pod, info)); got != first {
		t.Errorf("in the clone made before: got %q, want %q", got, first)
	}
}
