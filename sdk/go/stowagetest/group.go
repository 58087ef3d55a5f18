// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"slices"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// PodGroup is pods that are scheduled together. Its methods change it and return it.
type PodGroup struct {
	name, namespace, uid string
	labels               map[string]string
	pods                 []*Pod
	minCount             int
}

// MakePodGroup makes a group in the namespace default, all of whose pods must fit.
func MakePodGroup(name string, pods ...*Pod) *PodGroup {
	return &PodGroup{name: name, namespace: "default", uid: "uid-" + name, labels: map[string]string{}, pods: pods, minCount: len(pods)}
}

// Namespace sets the namespace.
func (g *PodGroup) Namespace(namespace string) *PodGroup { g.namespace = namespace; return g }

// UID sets the UID.
func (g *PodGroup) UID(uid string) *PodGroup { g.uid = uid; return g }

// Label sets a label.
func (g *PodGroup) Label(key, value string) *PodGroup { g.labels[key] = value; return g }

// MinCount sets how many pods must fit.
func (g *PodGroup) MinCount(n int) *PodGroup { g.minCount = n; return g }

func (s *snapshot) group(g *PodGroup) uint32 {
	scratch := s.spaces[abi.SpaceScratch]
	pods := list(scratch, g.pods, func(sp *space, p *Pod) abi.PodRecord { return podEncoder{sp, s.reads}.pod(p) })
	return record(scratch, abi.PodGroup{
		Name: scratch.str(g.name), Namespace: scratch.str(g.namespace), UID: scratch.str(g.uid),
		Labels: scratch.labels(g.labels), Pods: pods, MinCount: uint32(g.minCount),
	})
}

// GeneratePlacements is the sets of nodes, by name, that the policy would have tried.
func (h *Harness) GeneratePlacements(g *PodGroup, nodes ...*Node) (map[string][]string, stowage.Status) {
	h.t.Helper()
	s, c, st := h.ask(abi.PointGeneratePlacements, g, nodes, 0)
	got := map[string][]string{}
	for _, p := range c.Placements {
		if got[p.Name] != nil {
			h.t.Errorf("GeneratePlacements: there are two placements %q", p.Name)
		}
		got[p.Name] = s.names(p.Slots)
	}
	return got, st
}

// ScorePlacement is the score of the placement of pod i of the group on node i.
func (h *Harness) ScorePlacement(g *PodGroup, nodes ...*Node) (int64, stowage.Status) {
	h.t.Helper()
	if len(nodes) != len(g.pods) {
		h.t.Fatalf("ScorePlacement of %d pods on %d nodes: want a node for each", len(g.pods), len(nodes))
	}
	_, c, st := h.ask(abi.PointScorePlacement, g, nodes, 1)
	if score := c.Scores[0]; st.IsSuccess() && (score < stowage.MinScore || score > stowage.MaxScore) {
		h.t.Errorf("score of the placement is %d, outside %d to %d", score, stowage.MinScore, stowage.MaxScore)
	}
	return c.Scores[0], st
}

// PodGroupPostFilter is the UIDs of the pods that the policy would evict for the group.
func (h *Harness) PodGroupPostFilter(g *PodGroup, nodes ...*Node) ([]string, stowage.Status) {
	h.t.Helper()
	_, c, st := h.ask(abi.PointPodGroupPostFilter, g, nodes, 0)
	return slices.Clone(c.Victims), st
}

// ask makes a call about a group.
func (h *Harness) ask(p abi.Points, g *PodGroup, nodes []*Node, scores int) (*snapshot, *hook.Call, stowage.Status) {
	h.t.Helper()
	h.ready()
	if h.driver.Points()&p == 0 {
		h.t.Fatal("the policy does not implement the extension point")
	}
	s := h.snapshot(nil, nodes)
	off := s.group(g)
	call := s.call(h.cycle, s.slots(PreFilterResult{}))
	call.Group, call.Scores = s.address(off), make([]int64, scores)
	return s, call, status(h.driver.Run(p, call), call.Text)
}

// names are those of the nodes in some slots.
func (s *snapshot) names(slots []uint32) []string {
	var names []string
	for _, slot := range slots {
		names = append(names, s.nodes[slot&^abi.ScratchSlot-1].name)
	}
	return names
}
