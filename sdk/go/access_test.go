// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// An accessor whose part was not declared names what to add.
func TestUndeclared(t *testing.T) {
	for flag, read := range map[string]func(*stowage.Pod, *stowage.Node){
		"ReadNodeLabels":   func(_ *stowage.Pod, n *stowage.Node) { n.Label("x") },
		"ReadNodeLabels ":  func(_ *stowage.Pod, n *stowage.Node) { n.LabelIs("x", "y") },
		"ReadNodeLabels  ": func(_ *stowage.Pod, n *stowage.Node) { n.Labels() },
		"ReadNodeTaints": func(_ *stowage.Pod, n *stowage.Node) {
			for range n.Taints() {
			}
		},
		"ReadNodeExtended": func(_ *stowage.Pod, n *stowage.Node) { n.Extended("x") },
		"ReadNodeExtended ": func(_ *stowage.Pod, n *stowage.Node) {
			for range n.ExtendedResources() {
			}
		},
		"ReadNodeConditions": func(_ *stowage.Pod, n *stowage.Node) {
			for range n.Conditions() {
			}
		},
		"ReadNodeImages": func(_ *stowage.Pod, n *stowage.Node) {
			for range n.Images() {
			}
		},
		"ReadNodeAnnotations": func(_ *stowage.Pod, n *stowage.Node) { n.Annotation("x") },
		"ReadNodePods": func(_ *stowage.Pod, n *stowage.Node) {
			for range n.Pods() {
			}
		},
		"ReadNodePorts": func(_ *stowage.Pod, n *stowage.Node) {
			for range n.Ports() {
			}
		},
		"ReadNodeTable":      nil, // Cycle.Nodes, below
		"ReadPodLabels":      func(p *stowage.Pod, _ *stowage.Node) { p.Label("x") },
		"ReadPodAnnotations": func(p *stowage.Pod, _ *stowage.Node) { p.Annotation("x") },
		"ReadPodTolerations": func(p *stowage.Pod, _ *stowage.Node) { p.Tolerates(stowage.Taint{}) },
		"ReadPodAffinity":    func(p *stowage.Pod, _ *stowage.Node) { p.NodeSelector() },
		"ReadPodContainers": func(p *stowage.Pod, _ *stowage.Node) {
			for range p.Containers() {
			}
		},
		"ReadPodVolumes": func(p *stowage.Pod, _ *stowage.Node) {
			for range p.Volumes() {
			}
		},
		"ReadPodOwners": func(p *stowage.Pod, _ *stowage.Node) { p.Controller() },
	} {
		t.Run(flag, func(t *testing.T) {
			h := stowagetest.New(t, filterFunc(func(c *stowage.Cycle, p *stowage.Pod, n *stowage.Node) stowage.Status {
				if read == nil {
					for range c.Nodes() {
					}
					return stowage.Success()
				}
				read(p, n)
				return stowage.Success()
			}), 0)
			got := panics(func() { h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("n").Label("x", "y")) })
			if want := "add stowage." + strings.TrimSpace(flag) + " to Register"; !strings.HasSuffix(got, want) {
				t.Errorf("want a panic with %q, got %q", want, got)
			}
		})
	}
}

// Lookups remember where a key and a value were; they must not believe it elsewhere.
func TestLabelLookups(t *testing.T) {
	const zone, rack = "topology.kubernetes.io/zone", "rack"
	nodes := []*stowagetest.Node{
		stowagetest.MakeNode("1").Zone("a").Label(rack, "a"),
		stowagetest.MakeNode("2").Label(rack, "b").Label("aaa", "first").Zone("b"),
		stowagetest.MakeNode("3"),
		stowagetest.MakeNode("4").Label("unrelated", "a"),
		stowagetest.MakeNode("5").Label(rack, ""),
		stowagetest.MakeNode("6").Zone("a").Region("a"),
	}
	want := map[string]string{"1": "a,a,zzb", "2": "b,b,-", "3": "-,-,-", "4": "-,-,-", "5": "-,,-", "6": "a,-,z"}
	look := func(_ *stowage.Cycle, pod *stowage.Pod, n *stowage.Node) stowage.Status {
		text := func(key string) string {
			if v, ok := n.Label(key); ok {
				return v
			}
			return "-"
		}
		is := ""
		for range 2 {
			if n.LabelIs(zone, pod.Name()) != n.InZone(pod.Name()) {
				return stowage.Error("LabelIs and InZone differ")
			}
		}
		for _, hit := range []bool{n.LabelIs(zone, "a"), n.LabelIs(rack, "a") && n.InZone("a"), n.LabelIs(rack, "a")} {
			is += map[bool]string{true: "z"}[hit]
		}
		if is == "" {
			is = "-"
		}
		return stowage.Unschedulable(text(zone) + "," + text(rack) + "," + strings.Replace(is, "zzz", "zzb", 1))
	}
	h := stowagetest.New(t, filterFunc(look), stowage.ReadNodeLabels)
	// Again with everything elsewhere: another snapshot, other pods, other orders.
	for i, pod := range []string{"a", "b", "a", "z"} {
		shifted := append(nodes[i:len(nodes):len(nodes)], nodes[:i]...)
		got := h.Filter(stowagetest.MakePod(pod), shifted...)
		for name, s := range got {
			if s.Reason() != want[name] {
				t.Errorf("pod %s, node %s: want %q, got %v", pod, name, want[name], s)
			}
		}
	}
}

// Keys that are equal but made anew for each node are found too.
func TestLabelKeysMadeOnTheFly(t *testing.T) {
	h := stowagetest.New(t, scoreFunc(func(_ *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) (int64, stowage.Status) {
		v, _ := n.Label("key-" + n.Name())
		score, _ := strconv.ParseInt(v, 10, 64)
		return score, stowage.Success()
	}), stowage.ReadNodeLabels)
	var nodes []*stowagetest.Node
	want := map[string]int64{}
	for i := range 50 {
		name := strconv.Itoa(i)
		nodes = append(nodes, stowagetest.MakeNode(name).Label("key-"+name, name).Label("key-"+strconv.Itoa(i+1), "-1"))
		want[name] = int64(i)
	}
	if got, _ := h.Score(stowagetest.MakePod("p"), nodes...); !maps.Equal(want, got) {
		t.Errorf("want %v, got %v", want, got)
	}
}

// busy reads a bit of everything, as a policy would per node.
func busy(_ *stowage.Cycle, pod *stowage.Pod, n *stowage.Node) stowage.Status {
	zone, _ := n.Label("topology.kubernetes.io/zone")
	free := n.Allocatable().MilliCPU - n.Requested().MilliCPU
	gpus, _, _ := n.Extended("nvidia.com/gpu")
	for taint := range n.Taints() {
		if !pod.Tolerates(taint) {
			return stowage.Unschedulable("not tolerated")
		}
	}
	pods := 0
	for p := range n.Pods() {
		if app, _ := p.Label("app"); app == "web" {
			pods++
		}
	}
	for _, v := range n.Labels().All() {
		pods += len(v)
	}
	if !pod.MatchesNodeAffinity(n) || !n.LabelIs("pool", "web") || n.InZone("x") {
		return stowage.UnschedulableAndUnresolvable("elsewhere")
	}
	if zone == "" || free+gpus+int64(pods) == 0 {
		return stowage.Unschedulable("full")
	}
	return stowage.Success()
}

func busyBatch(tb testing.TB, count int) *stowagetest.Batch {
	tb.Helper()
	policy := struct {
		filterFunc
		scoreFunc
	}{busy, func(c *stowage.Cycle, p *stowage.Pod, n *stowage.Node) (int64, stowage.Status) {
		return int64(busy(c, p, n).Code()), stowage.Success()
	}}
	h := stowagetest.New(tb, policy, stowage.ReadNodeLabels|stowage.ReadNodeExtended|stowage.ReadNodeTaints|
		stowage.ReadNodePods|stowage.ReadPodTolerations|stowage.ReadPodAffinity)
	var nodes []*stowagetest.Node
	for i := range count {
		nodes = append(nodes, stowagetest.MakeNode("n"+strconv.Itoa(i)).Zone(string(rune('a'+i%3))).Label("pool", "web").
			Allocatable("cpu", "8").Allocatable("nvidia.com/gpu", "2").Taint("t", "v", stowage.EffectNoSchedule).
			Pods(stowagetest.MakePod("p").Label("app", "web")))
	}
	pod := stowagetest.MakePod("p").
		Toleration(stowagetest.Toleration{Key: "t", Operator: stowage.OpExists}).
		RequireNode(stowagetest.NodeTerm{Labels: []stowagetest.Requirement{
			{Key: "pool", Operator: stowage.OpIn, Values: []string{"db", "web"}},
			{Key: "topology.kubernetes.io/zone", Operator: stowage.OpNotIn, Values: []string{"b"}},
		}})
	return h.Batch(pod, nodes...)
}

// In the steady state nodes cost no allocations, whatever is read.
func TestNoAllocationsPerNode(t *testing.T) {
	b := busyBatch(t, 1000)
	for name, run := range map[string]func(){"Filter": b.Filter, "Score": b.Score} {
		if got := testing.AllocsPerRun(10, run); got != 0 {
			t.Errorf("%s of 1000 nodes: want no allocations, got %v", name, got)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	batch := busyBatch(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		batch.Filter()
	}
}
