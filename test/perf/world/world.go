// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package world makes the clusters that benchmarks run on, and the policy's module. The same
// numbers give the same cluster, so that variants in different processes see the same one.
// It keeps nothing and may be called concurrently.
package world

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/test/perf/native"
)

// Zones is how many zones the nodes are spread over.
const Zones = 3

// Nodes of three sizes, in turn in each zone, with the labels that nodes usually have.
func Nodes(n int) []*v1.Node {
	nodes := make([]*v1.Node, n)
	for i := range nodes {
		name, size := fmt.Sprintf("node-%05d", i), i/Zones%3+1
		nodes[i] = st.MakeNode().Name(name).
			Label(v1.LabelHostname, name).
			Label(v1.LabelTopologyZone, zone(i)).
			Label(v1.LabelTopologyRegion, "region").
			Label(v1.LabelArchStable, "amd64").
			Label(v1.LabelOSStable, "linux").
			Label(v1.LabelInstanceTypeStable, fmt.Sprintf("size-%d", size)).
			Capacity(map[v1.ResourceName]string{
				v1.ResourceCPU:    fmt.Sprint(16 * size),
				v1.ResourceMemory: fmt.Sprintf("%dGi", 64*size),
				v1.ResourcePods:   "110",
			}).Obj()
	}
	return nodes
}

// pending begins the names of pods that are to be scheduled.
const pending = "pod-"

// IsPending tells pods from Pod from those that Running made, by name.
func IsPending(name string) bool { return strings.HasPrefix(name, pending) }

// Pod number i, which asks for a zone and for some of the resources.
func Pod(i int) *v1.Pod {
	random := rand.New(rand.NewPCG(uint64(i), 1))
	name := fmt.Sprintf(pending+"%05d", i)
	return st.MakePod().Namespace("default").Name(name).UID(name).
		SchedulerName(v1.DefaultSchedulerName).
		Label("app", fmt.Sprintf("app-%d", i%20)).
		Label(native.ZoneLabel, zone(i)).
		Req(map[v1.ResourceName]string{
			v1.ResourceCPU:    fmt.Sprintf("%dm", 100*(1+random.IntN(10))),
			v1.ResourceMemory: fmt.Sprintf("%dMi", 128*(1+random.IntN(16))),
		}).Obj()
}

// Running pods, perNode on each of the nodes.
func Running(nodes []*v1.Node, perNode int) []*v1.Pod {
	var pods []*v1.Pod
	for i := range len(nodes) * perNode {
		pod := Pod(i)
		pod.Name = fmt.Sprintf("running-%06d", i)
		pod.UID = "uid-" + pod.UID
		pod.Spec.NodeName = nodes[i/perNode].Name
		pods = append(pods, pod)
	}
	return pods
}

func zone(i int) string { return fmt.Sprintf("zone-%d", i%Zones) }

// Args are the plugin args of the policy whose module is in a file.
func Args(module string) runtime.Object {
	raw, err := json.Marshal(map[string]any{
		"apiVersion": "stowage.dev/v1alpha1",
		"kind":       "WasmPluginArgs",
		"module":     map[string]any{"file": map[string]any{"path": module}},
	})
	if err != nil {
		panic(fmt.Sprintf("encoding constants: %v", err))
	}
	return &runtime.Unknown{Raw: raw, ContentType: runtime.ContentTypeJSON}
}
