// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// everything is a node with something in each field.
func everything() *stowagetest.Node {
	return stowagetest.MakeNode("n1").Zone("z1").Region("r1").Unschedulable().MaxPods(250).PodCount(3).
		Label("a", "").Label("long.example.com/key-of-some-length", "value-of-some-length").
		Annotation("note", "of a node").
		Condition("DiskPressure", stowage.ConditionTrue).Condition("Custom", stowage.ConditionUnknown).
		Condition("PIDPressure", stowage.ConditionFalse).
		Taint("dedicated", "gpu", stowage.EffectNoSchedule).Taint("slow", "", stowage.EffectPreferNoSchedule).
		Taint("level", "3", stowage.EffectNoExecute).
		Allocatable("cpu", "7500m").Allocatable("memory", "16Gi").Allocatable("ephemeral-storage", "100G").
		Allocatable("nvidia.com/gpu", "8").Allocatable("hugepages-2Mi", "1Gi").
		Requested("cpu", "1").Requested("nvidia.com/gpu", "2").
		Image("registry/app:1", 123456, 4).
		Port(stowage.Port{HostIP: "10.0.0.1", Protocol: stowage.ProtocolUDP, Host: 53, Container: 5353}).
		Port(stowage.Port{Protocol: stowage.ProtocolSCTP, Host: 80}).
		Pods(
			stowagetest.MakePod("db").Namespace("prod").UID("u1").Priority(-5).Label("app", "db").HostNetwork().
				Request("cpu", "250m").Request("memory", "1Gi").Request("nvidia.com/gpu", "1").
				Owner(stowage.Owner{Kind: "StatefulSet", Name: "db", Controller: true}),
			stowagetest.MakePod("bare").UID("u2").Terminating(),
		)
}

// asking is a pod with something in each field.
func asking() *stowagetest.Pod {
	term := stowagetest.PodTerm{
		TopologyKey: "zone", Namespaces: []string{"x", "y"}, Weight: 7,
		Selector:          []stowagetest.Requirement{{Key: "app", Operator: stowage.OpIn, Values: []string{"web", "api"}}},
		NamespaceSelector: []stowagetest.Requirement{{Key: "team", Operator: stowage.OpDoesNotExist}},
	}
	return stowagetest.MakePod("web-1").Namespace("shop").UID("uid").SchedulerName("stowage").PriorityClass("high").
		Priority(1000).ServiceAccount("robot").RuntimeClass("gvisor").NominatedNode("n1").
		Created(time.Unix(1700000000, 5)).TerminationGraceSeconds(60).
		HostNetwork().HostPID().HostIPC().NeverPreempts().
		Label("app", "web").Label("tier", "front").Annotation("why", "because").
		Request("cpu", "100m").
		Container(stowagetest.Container{
			Name: "app", Image: "registry/app:1", Requests: map[string]string{"cpu": "1500m", "memory": "128Mi", "nvidia.com/gpu": "1"},
			Limits: map[string]string{"memory": "256Mi", "nvidia.com/gpu": "1"},
			Ports:  []stowage.Port{{Protocol: stowage.ProtocolTCP, Host: 8080, Container: 80}},
		}).
		Container(stowagetest.Container{Name: "init", Image: "i", Kind: stowage.ContainerInit, Requests: map[string]string{"cpu": "4"}}).
		Container(stowagetest.Container{Name: "mesh", Image: "m", Kind: stowage.ContainerSidecar}).
		Volume(stowage.Volume{Name: "data", Kind: stowage.VolumePersistentVolumeClaim, Source: "claim"}).
		Volume(stowage.Volume{Name: "tmp", Kind: stowage.VolumeEmptyDir}).
		Owner(stowage.Owner{APIVersion: "v1", Kind: "Thing", Name: "t", UID: "o1"}).
		Owner(stowage.Owner{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "o2", Controller: true}).
		Toleration(stowagetest.Toleration{Key: "dedicated", Operator: stowage.OpEqual, Value: "gpu", Effect: stowage.EffectNoSchedule}).
		Toleration(stowagetest.Toleration{Key: "level", Operator: stowage.OpGt, Value: "2", Effect: stowage.EffectNoExecute, Seconds: 30}).
		NodeSelector("topology.kubernetes.io/zone", "z1").
		RequireNode(stowagetest.NodeTerm{
			Labels: []stowagetest.Requirement{{Key: "a", Operator: stowage.OpExists}},
			Fields: []stowagetest.Requirement{{Key: "metadata.name", Operator: stowage.OpNotIn, Values: []string{"n2"}}},
		}).
		PreferNode(stowagetest.NodeTerm{Weight: 3, Labels: []stowagetest.Requirement{{Key: "a", Operator: stowage.OpGt, Values: []string{"1"}}}}).
		RequirePods(term).PreferPods(term, stowagetest.PodTerm{TopologyKey: "host"}).AvoidPods(term).PreferAvoidPods(term).
		Spread(stowagetest.Spread{TopologyKey: "zone", MaxSkew: 1, MinDomains: 2, DoNotSchedule: true, Selector: []stowagetest.Requirement{}})
}

// Every field of both, as the guest reads it.
func TestFields(t *testing.T) {
	stowagetest.Golden(t, "testdata/fields.txt", echoes(t, asking, everything))
}

func TestEmptyFields(t *testing.T) {
	stowagetest.Golden(t, "testdata/empty.txt", echoes(t,
		func() *stowagetest.Pod { return stowagetest.MakePod("p") },
		func() *stowagetest.Node { return stowagetest.MakeNode("n") }))
}

func echoes(t *testing.T, pod func() *stowagetest.Pod, node func() *stowagetest.Node) string {
	t.Helper()
	fields := slices.Concat(slices.Collect(maps.Keys(nodeFields)), slices.Collect(maps.Keys(podFields)))
	slices.Sort(fields)
	var b strings.Builder
	for _, field := range fields {
		h := stowagetest.New(t, &policy{}, reads)
		n := node()
		got := h.Filter(pod().Annotation("conformance/echo", field), n, stowagetest.MakeNode("other"))
		b.WriteString(strings.TrimSpace(field+": "+got[n.Name()].Reason()) + "\n")
	}
	return b.String()
}

func TestOutcomes(t *testing.T) {
	nodes := []*stowagetest.Node{
		stowagetest.MakeNode("a").Label("s", "10"), stowagetest.MakeNode("b").Label("s", "40"),
	}
	pod := func(key, value string) *stowagetest.Pod {
		return stowagetest.MakePod("p").Annotation("conformance/score-label", "s").Annotation("conformance/"+key, value)
	}
	for name, tc := range map[string]struct {
		pod  *stowagetest.Pod
		want string
	}{
		"nothing asked": {pod("x", ""), "a: Success, score 10\nb: Success, score 40\n"},
		"filter":        {pod("filter", "unresolvable: no"), "a: UnschedulableAndUnresolvable: no\nb: UnschedulableAndUnresolvable: no\n"},
		"subset":        {pod("pre-filter", "only b"), "a: UnschedulableAndUnresolvable: node(s) didn't satisfy plugin(s) PreFilter result\nb: Success, score 40\n"},
		"skip filter":   {pod("pre-filter", "skip"), "a: Success, score 10\nb: Success, score 40\n"},
		"pre-filter":    {pod("pre-filter", "unschedulable: not now"), "a: Unschedulable: not now\nb: Unschedulable: not now\n"},
		"skip score":    {pod("pre-score", "skip"), "a: Success\nb: Success\nscoring: Skip\n"},
		"score error":   {pod("score", "error: broken"), "a: Success\nb: Success\nscoring: Error: broken\n"},
		"top":           {pod("normalize", "top"), "a: Success, score 25\nb: Success, score 100\n"},
		"reverse":       {pod("normalize", "reverse"), "a: Success, score 90\nb: Success, score 60\n"},
		"state":         {pod("state", "abc").Annotation("conformance/echo", "state"), "a: Unschedulable: abc\nb: Unschedulable: abc\n"},
		"nodes":         {pod("echo", "nodes"), "a: Unschedulable: a; b\nb: Unschedulable: a; b\n"},
	} {
		t.Run(name, func(t *testing.T) {
			h := stowagetest.New(t, &policy{}, reads)
			if got := h.Report(tc.pod, nodes...); got != tc.want {
				t.Errorf("want\n%s\ngot\n%s", tc.want, got)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	h := stowagetest.New(t, &policy{}, reads)
	if err := h.Configure(`{"refuse":"because"}`); err == nil || err.Error() != "because" {
		t.Errorf("want the reason, got %v", err)
	}
	if err := h.Configure(`{"x":1}`); err != nil {
		t.Error(err)
	}
	got := h.Filter(stowagetest.MakePod("p").Annotation("conformance/echo", "config"), stowagetest.MakeNode("n"))
	if want := stowage.Unschedulable(`{"x":1}`); got["n"] != want {
		t.Errorf("want %v, got %v", want, got["n"])
	}
}
