// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// evictor evicts pods with the label victim from the first node that has any.
type evictor struct{}

func (evictor) PostFilter(_ *stowage.Cycle, _ *stowage.Pod, nodes stowage.Nodes) (r stowage.PostFilterResult, s stowage.Status) {
	for _, n := range nodes.All() {
		for p := range n.Pods() {
			if _, ok := p.Label("victim"); ok {
				r.Victims = append(r.Victims, p.UID())
			}
		}
		if len(r.Victims) > 0 {
			r.Nominate(n)
			return r, stowage.Success()
		}
	}
	return r, stowage.Unschedulable("nobody may go")
}

func (evictor) RankVictim(_ *stowage.Cycle, pod *stowage.Pod, n *stowage.Node, candidate stowage.PodOnNode) stowage.VictimRank {
	if candidate.Priority() >= pod.Priority() {
		return stowage.VictimProtected
	}
	return stowage.VictimRank(n.PodCount())
}

func TestPostFilter(t *testing.T) {
	victim := func(name string) *stowagetest.Pod { return stowagetest.MakePod(name).Label("victim", "") }
	a := stowagetest.New(t, evictor{}, stowage.ReadNodePods).Attempt(stowagetest.MakePod("p").Priority(5),
		stowagetest.MakeNode("a").Pods(stowagetest.MakePod("1")), stowagetest.MakeNode("b").Pods(victim("2"), stowagetest.MakePod("3").Priority(5), victim("4")))
	got, s := a.PostFilter("a", "b")
	if want := (stowagetest.PostFilterResult{Nominated: "b", Victims: []string{"uid-2", "uid-4"}}); !s.IsSuccess() || !reflect.DeepEqual(want, got) {
		t.Errorf("want %v, got %v, %v", want, got, s)
	}
	if _, s := a.PostFilter("a"); s != stowage.Unschedulable("nobody may go") {
		t.Errorf("want a refusal, got %v", s)
	}
	if want, got := map[string]stowage.VictimRank{"2": 3, "3": stowage.VictimProtected, "4": 3}, a.RankVictims("b"); !maps.Equal(want, got) {
		t.Errorf("want %v, got %v", want, got)
	}
	if got := panics(func() { stowagetest.New(t, evictor{}, 0) }); !strings.Contains(got, "add stowage.ReadNodePods") {
		t.Errorf("want a panic about ReadNodePods, got %q", got)
	}
}

// zonal places a group in one zone, the fuller the better.
type zonal struct{}

func (zonal) GeneratePlacements(g *stowage.PodGroup, nodes stowage.Nodes) (placements []stowage.Placement, _ stowage.Status) {
	if _, ok := g.Label("anywhere"); ok {
		return nil, stowage.Unschedulable("anywhere")
	}
	for _, n := range nodes.All() {
		i := slices.IndexFunc(placements, func(p stowage.Placement) bool { return p.Name == n.Zone() })
		if i < 0 {
			i, placements = len(placements), append(placements, stowage.Placement{Name: n.Zone()})
		}
		placements[i].Nodes.Add(n)
	}
	return placements, stowage.Success()
}

func (zonal) ScorePlacement(g *stowage.PodGroup, nodes stowage.Nodes) (score int64, _ stowage.Status) {
	for i, pod := range g.Pods() {
		n := nodes.At(i)
		if pod.Name() == n.Name() {
			score++
		}
	}
	return score*10 + int64(g.MinCount()), stowage.Success()
}

func (zonal) PodGroupPostFilter(g *stowage.PodGroup, nodes stowage.Nodes) (r stowage.PodGroupPostFilterResult, _ stowage.Status) {
	r.Victims = []string{g.Namespace() + "/" + g.Name() + "/" + g.UID()}
	for i := range nodes.Len() {
		n := nodes.At(i)
		r.Victims = append(r.Victims, n.Name())
	}
	return r, stowage.Success()
}

func TestPodGroups(t *testing.T) {
	h := stowagetest.New(t, zonal{}, 0)
	group := stowagetest.MakePodGroup("g", stowagetest.MakePod("a"), stowagetest.MakePod("b")).MinCount(1)
	a, b, c := stowagetest.MakeNode("a").Zone("x"), stowagetest.MakeNode("b").Zone("y"), stowagetest.MakeNode("c").Zone("x")
	got, s := h.GeneratePlacements(group, a, b, c)
	if want := map[string][]string{"x": {"a", "c"}, "y": {"b"}}; !s.IsSuccess() || !reflect.DeepEqual(want, got) {
		t.Errorf("want %v, got %v, %v", want, got, s)
	}
	if score, s := h.ScorePlacement(group, a, c); score != 11 || !s.IsSuccess() {
		t.Errorf("want 11, got %d, %v", score, s)
	}
	victims, _ := h.PodGroupPostFilter(group, b)
	if want := []string{"default/g/uid-g", "b"}; !slices.Equal(want, victims) {
		t.Errorf("want %v, got %v", want, victims)
	}
	if _, s := h.GeneratePlacements(group.Label("anywhere", ""), a); s != stowage.Error("anywhere") {
		t.Errorf("want an error, got %v", s)
	}
}
