// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// testChanges checks that a guest that has served attempts sees what changed since. Guests may
// remember where strings are; each case moves them in another way.
func testChanges(t *testing.T, s *suite) {
	for name, test := range map[string]func(*testing.T, *policytest.Cluster, *policytest.Policy){
		"nodes that come and go":   testComing,
		"labels":                   testRelabeling,
		"pods that come and go":    testPods,
		"keys at the same address": testKeys,
		"everything, many times":   testCompaction,
	} {
		t.Run(name, func(t *testing.T) {
			s.cluster.Reset(scored(5))
			test(t, s.cluster, s.policy)
		})
	}
}

func testComing(t *testing.T, c *policytest.Cluster, p *policytest.Policy) {
	nodes := scored(9)
	wantNames(t, p, nodes[:5])
	c.RemoveNode("n001")
	wantNames(t, p, []*v1.Node{nodes[0], nodes[2], nodes[3], nodes[4]})
	// A node that takes a place that was given up, and one that gets a new one.
	c.SetNode(nodes[7])
	c.SetNode(nodes[8])
	wantNames(t, p, []*v1.Node{nodes[0], nodes[2], nodes[3], nodes[4], nodes[7], nodes[8]})
	// The same name again: another node.
	c.SetNode(node("n001", "score", "77"))
	a := begin(t, p, asking(somePod(), "score-label", "score"))
	want := map[string]int64{"n000": 0, "n001": 77, "n002": 2, "n003": 3, "n004": 4, "n007": 7, "n008": 8}
	if got, status := a.Scores(a.Nodes); !cmp.Equal(want, got) || status != "" {
		t.Errorf("status %q, scores (-want,+got):\n%s", status, cmp.Diff(want, got))
	}
	for _, info := range a.Nodes {
		c.RemoveNode(info.Node().Name)
	}
	if got := p.Start(somePod()).FilterAll(); len(got) != 0 {
		t.Errorf("after all nodes went: %v", got)
	}
	c.SetNode(nodes[3])
	wantNames(t, p, nodes[3:4])
}

func testRelabeling(t *testing.T, c *policytest.Cluster, p *policytest.Policy) {
	for _, zone := range []string{"a", "b", "", "a", "a-much-longer-name-of-a-zone", "b"} {
		c.SetNode(node("n002", v1.LabelTopologyZone, zone))
		for field, want := range map[string]string{
			"node.zone":    zone,
			"node.labelIs": fmt.Sprintf("%q=%q", v1.LabelTopologyZone, zone),
		} {
			if got := echo(t, p, field)["n002"]; got != refused(want) {
				t.Errorf("%s: got %q, want %q", field, got, refused(want))
			}
		}
	}
}

func testPods(t *testing.T, c *policytest.Cluster, p *policytest.Policy) {
	for i := range 4 {
		pod := somePod()
		pod.Name, pod.UID, pod.Spec.NodeName = fmt.Sprintf("on-%d", i), "u", "n003"
		want := fmt.Sprintf(`"default" %q "u" 0 false false [] [] "" ""`, pod.Name)
		c.AddPod(pod)
		if got := echo(t, p, "node.pods")["n003"]; got != refused(want) {
			t.Errorf("with a pod: got %q, want %q", got, refused(want))
		}
		c.RemovePod(pod)
		if got := echo(t, p, "node.pods")["n003"]; got != refused("") {
			t.Errorf("after it went: got %q", got)
		}
	}
}

// testKeys looks labels up whose names the guest finds at the same address in one pod after
// the other. They differ in the last byte only, at every length that a comparison by words of
// eight bytes treats in its own way.
func testKeys(t *testing.T, c *policytest.Cluster, p *policytest.Policy) {
	for length := range 18 {
		prefix := strings.Repeat("k", length)
		for i := range 5 {
			c.SetNode(node(fmt.Sprintf("n%03d", i), prefix+"a", fmt.Sprint(i), prefix+"b", fmt.Sprint(10+i), prefix+"c", "50"))
		}
		for _, last := range []string{"a", "b", "a", "c", "d", "b"} {
			a := begin(t, p, asking(somePod(), "score-label", prefix+last))
			want := map[string]int64{}
			for i := range 5 {
				want[fmt.Sprintf("n%03d", i)] = map[string]int64{"a": int64(i), "b": int64(10 + i), "c": 50}[last]
			}
			if got, status := a.Scores(a.Nodes); !cmp.Equal(want, got) || status != "" {
				t.Errorf("%s%s: status %q, scores (-want,+got):\n%s", prefix, last, status, cmp.Diff(want, got))
			}
		}
	}
}

// testCompaction gives all nodes new labels until the host has thrown away several megabytes
// of old ones, at which it moves what is left. A key keeps its name while its place changes.
func testCompaction(t *testing.T, c *policytest.Cluster, p *policytest.Policy) {
	const rounds, nodes, size = 24, 40, 6 << 10
	for round := range rounds {
		want := map[string]int64{}
		for i := range nodes {
			name, score := fmt.Sprintf("n%03d", i), (round*7+i)%101
			waste := strings.Repeat(string(rune('a'+round)), size) + name
			c.SetNode(node(name, "score", fmt.Sprint(score), fmt.Sprintf("key-of-round-%d", round), waste))
			want[name] = int64(score)
		}
		a := begin(t, p, asking(somePod(), "score-label", "score", "echo", "node.labelIs"))
		got, status := a.Scores(a.Nodes)
		if diff := cmp.Diff(want, got); diff != "" || status != "" {
			t.Fatalf("round %d: status %q, scores (-want,+got):\n%s", round, status, diff)
		}
		label := fmt.Sprintf(`"key-of-round-%d"=%q`, round, strings.Repeat(string(rune('a'+round)), size))
		if diff := cmp.Diff(onAll(a, refused(label[:maxReason])), a.FilterAll()); diff != "" {
			t.Fatalf("round %d: labels (-want,+got):\n%s", round, diff)
		}
	}
}
