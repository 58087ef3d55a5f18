// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package native is the policy of test/guests/zone-resource as a framework plugin in Go, written
// as its author would without Stowage. It is what benchmarks compare with.
//
// A Plugin keeps nothing of its own, so it needs no closing and all methods may be called
// concurrently. Wanted, Allowed and Share are the decisions alone, for other drivers of them.
package native

import (
	"context"
	"errors"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/component-helpers/resource"
	fwk "k8s.io/kube-scheduler/framework"
)

const (
	// Name of the plugin.
	Name = "zone-resource"
	// ZoneLabel is the pod's label for the zone; pods without it run anywhere.
	ZoneLabel = "stowage.dev/zone"
	// Reason is why a node is refused.
	Reason = "node(s) were in another zone"

	cpuWeight    = 2
	memoryWeight = 1
)

// Plugin is the policy.
type Plugin struct{}

var (
	_ fwk.PreFilterPlugin = &Plugin{}
	_ fwk.FilterPlugin    = &Plugin{}
	_ fwk.PreScorePlugin  = &Plugin{}
	_ fwk.ScorePlugin     = &Plugin{}
)

// New is the plugin's factory. It has no SignPod: the default profile's PodTopologySpread refuses
// to sign any pod, so none of the benchmarks' pods could be batched.
func New(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) { return &Plugin{}, nil }

// Name of the plugin.
func (*Plugin) Name() string { return Name }

// wanted is what Filter needs to know of the pod.
type wanted struct {
	zone  string
	bound bool
}

// Clone shares what does not change.
func (w *wanted) Clone() fwk.StateData { return w }

// asked is what Score needs to know of the pod.
type asked struct{ milliCPU, memory int64 }

// Clone shares what does not change.
func (a *asked) Clone() fwk.StateData { return a }

const (
	filterKey fwk.StateKey = "PreFilter/" + Name
	scoreKey  fwk.StateKey = "PreScore/" + Name
)

var (
	errNoPreFilter = errors.New("Filter was called without PreFilter")
	errNoPreScore  = errors.New("Score was called without PreScore")
)

// PreFilter reads the zone that the pod asks for.
func (*Plugin) PreFilter(_ context.Context, state fwk.CycleState, pod *v1.Pod, _ []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	zone, bound := Wanted(pod)
	state.Write(filterKey, &wanted{zone, bound})
	return nil, nil
}

// PreFilterExtensions is nil: the pods of a node do not matter.
func (*Plugin) PreFilterExtensions() fwk.PreFilterExtensions { return nil }

// Filter keeps the pod in its zone.
func (*Plugin) Filter(_ context.Context, state fwk.CycleState, _ *v1.Pod, info fwk.NodeInfo) *fwk.Status {
	data, err := state.Read(filterKey)
	if err != nil {
		return fwk.AsStatus(errNoPreFilter)
	}
	w := data.(*wanted)
	if w.bound && !Allowed(w.zone, info.Node()) {
		return fwk.NewStatus(fwk.UnschedulableAndUnresolvable, Reason)
	}
	return nil
}

// PreScore adds up what the pod requests.
func (*Plugin) PreScore(_ context.Context, state fwk.CycleState, pod *v1.Pod, _ []fwk.NodeInfo) *fwk.Status {
	requests := resource.PodRequests(pod, resource.PodResourcesOptions{})
	state.Write(scoreKey, &asked{requests.Cpu().MilliValue(), requests.Memory().Value()})
	return nil
}

// Score prefers the node that has the largest share of its CPU and memory left with the pod on it.
func (*Plugin) Score(_ context.Context, state fwk.CycleState, _ *v1.Pod, info fwk.NodeInfo) (int64, *fwk.Status) {
	data, err := state.Read(scoreKey)
	if err != nil {
		return 0, fwk.AsStatus(errNoPreScore)
	}
	a, has, used := data.(*asked), info.GetAllocatable(), info.GetRequested()
	return Share(has.GetMilliCPU(), used.GetMilliCPU()+a.milliCPU, has.GetMemory(), used.GetMemory()+a.memory), nil
}

// ScoreExtensions is nil: scores are in range.
func (*Plugin) ScoreExtensions() fwk.ScoreExtensions { return nil }

// Wanted is the zone that a pod asks for, if it does.
func Wanted(pod *v1.Pod) (zone string, bound bool) {
	zone, bound = pod.Labels[ZoneLabel]
	return zone, bound
}

// Allowed tells whether a node is in the zone.
func Allowed(zone string, node *v1.Node) bool {
	got, ok := node.Labels[v1.LabelTopologyZone]
	return ok && got == zone
}

// Share is the weighted share of a node's resources that is left, from 0 to fwk.MaxScore.
func Share(cpu, usedCPU, memory, usedMemory int64) int64 {
	return (free(cpu, usedCPU)*cpuWeight + free(memory, usedMemory)*memoryWeight) / (cpuWeight + memoryWeight)
}

func free(has, used int64) int64 {
	if has <= 0 || used >= has {
		return 0
	}
	return (has - used) * fwk.MaxScore / has
}
