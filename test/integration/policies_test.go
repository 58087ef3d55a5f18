// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// threeZones is a node each in zones a, b and c.
func threeZones() []*corev1.Node {
	return []*corev1.Node{
		cluster.MakeNode("node-a").Zone("a").Obj(),
		cluster.MakeNode("node-b").Zone("b").Obj(),
		cluster.MakeNode("node-c").Zone("c").Obj(),
	}
}

func TestPodLandsOnlyWhereThePolicyAllows(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, threeZones()...)
	startScheduler(t, c, profile{name: "stowage", policies: []policy{zoneAffinity}})
	for _, zone := range []string{"a", "b", "c"} {
		for _, n := range []string{"1", "2", "3"} {
			create(t, c, pod("in-"+zone+n, "stowage", "100m", inZone(zone)))
		}
	}
	for _, zone := range []string{"a", "b", "c"} {
		for _, n := range []string{"1", "2", "3"} {
			if got, want := nodeOf(t, c, "in-"+zone+n), "node-"+zone; got != want {
				t.Errorf("pod in-%s%s is on %s, want %s", zone, n, got, want)
			}
		}
	}
}

func TestRefusedPodSaysWhichPolicyAndWhy(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, threeZones()...)
	startScheduler(t, c, profile{name: "stowage", policies: []policy{zoneAffinity}})
	create(t, c, pod("nowhere", "stowage", "100m", inZone("d")), pod("anywhere", "stowage", "100m", nil))
	nodeOf(t, c, "anywhere")
	got := refusal(t, c, "nowhere")
	for _, want := range []string{"0/3 nodes are available: ", "node(s) rejected by zone-policy: ", "zone d"} {
		if !strings.Contains(got, want) {
			t.Errorf("event %q does not contain %q", got, want)
		}
	}
	if p := waitForPod(t, c, "nowhere", cluster.Rejected); p.Spec.NodeName != "" {
		t.Errorf("the pod is on %s", p.Spec.NodeName)
	}
}

// Two policies score the nodes 100:0 and 0:50; what wins depends on their weights.
func TestScoresCombineByWeight(t *testing.T) {
	for name, tc := range map[string]struct {
		left, right int
		want        string
	}{
		"1:3 gives 100 to 150": {1, 3, "node-right"},
		"2:1 gives 200 to 50":  {2, 1, "node-left"},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster.ForTest(t)
			createNodes(t, c,
				cluster.MakeNode("node-left").Label("left", "100").Label("right", "0").Obj(),
				cluster.MakeNode("node-right").Label("left", "0").Label("right", "50").Obj())
			startScheduler(t, c, profile{name: "stowage", bare: true, policies: []policy{
				{name: "left-policy", module: "probe", config: "{raw: true, scoreLabel: left}", weight: tc.left, scores: true},
				{name: "right-policy", module: "probe", config: "{raw: true, scoreLabel: right}", weight: tc.right, scores: true},
			}})
			for _, n := range []string{"1", "2", "3"} {
				create(t, c, pod("pod-"+n, "stowage", "10m", nil))
				if got := nodeOf(t, c, "pod-"+n); got != tc.want {
					t.Errorf("pod-%s is on %s, want %s", n, got, tc.want)
				}
			}
		})
	}
}

func TestPreemptionStaysWithinThePolicy(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, threeZones()...)
	createPriority(t, c, "urgent", 1000)
	startScheduler(t, c, profile{name: "stowage", policies: []policy{zoneAffinity}})
	for _, zone := range []string{"a", "b", "c"} {
		create(t, c, pod("low-"+zone, "stowage", "7", inZone(zone)))
		nodeOf(t, c, "low-"+zone)
	}
	urgent := pod("urgent", "stowage", "7", inZone("b"))
	urgent.Spec.PriorityClassName = "urgent"
	create(t, c, urgent)
	if got := nodeOf(t, c, "urgent"); got != "node-b" {
		t.Errorf("the urgent pod is on %s, want node-b", got)
	}
	for _, name := range []string{"low-a", "low-c"} {
		if _, err := c.Client().CoreV1().Pods("default").Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			t.Errorf("a pod outside of the zone was preempted: %v", err)
		}
	}
}

func TestNodeChangesAreSeenInTheNextCycle(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, threeZones()...)
	startScheduler(t, c, profile{name: "stowage", policies: []policy{zoneAffinity}})
	create(t, c, pod("before", "stowage", "100m", inZone("b")))
	if got := nodeOf(t, c, "before"); got != "node-b" {
		t.Fatalf("pod is on %s, want node-b", got)
	}
	relabel(t, c, "node-a", "moved")
	create(t, c, pod("moved", "stowage", "100m", inZone("moved")))
	if got := nodeOf(t, c, "moved"); got != "node-a" {
		t.Errorf("after the label changed: pod is on %s, want node-a", got)
	}
	if err := c.Client().CoreV1().Nodes().Delete(t.Context(), "node-b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	create(t, c, pod("late", "stowage", "100m", inZone("b")))
	if got := refusal(t, c, "late"); !strings.Contains(got, "0/2 nodes are available") {
		t.Errorf("after the node was deleted: %q", got)
	}
	createNodes(t, c, cluster.MakeNode("node-b2").Zone("b").Obj())
	if got := nodeOf(t, c, "late"); got != "node-b2" {
		t.Errorf("after another node came: pod is on %s, want node-b2", got)
	}
}

func relabel(t *testing.T, c *cluster.Cluster, node, zone string) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]any{corev1.LabelTopologyZone: zone}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Client().CoreV1().Nodes().Patch(t.Context(), node, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// One scheduler, two profiles: each pod is judged by its own profile's policies only.
func TestProfilesAreIndependent(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c,
		cluster.MakeNode("node-1").Zone("a").Label("left", "100").Obj(),
		cluster.MakeNode("node-2").Zone("b").Label("left", "0").Obj())
	startScheduler(t, c,
		profile{name: "stowage", bare: true, policies: []policy{zoneAffinity}},
		profile{name: "stowage-left", bare: true, policies: []policy{{name: "left-policy", module: "probe", config: "{raw: true, scoreLabel: left}", scores: true}}})
	for _, n := range []string{"1", "2", "3"} {
		create(t, c,
			pod("zoned-"+n, "stowage", "10m", inZone("b")),
			pod("free-"+n, "stowage-left", "10m", inZone("b")))
	}
	for _, n := range []string{"1", "2", "3"} {
		if got := nodeOf(t, c, "zoned-"+n); got != "node-2" {
			t.Errorf("zoned-%s is on %s, want node-2: its profile has the zone policy", n, got)
		}
		if got := nodeOf(t, c, "free-"+n); got != "node-1" {
			t.Errorf("free-%s is on %s, want node-1: its profile has the other policy", n, got)
		}
	}
}
