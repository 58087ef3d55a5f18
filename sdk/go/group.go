// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// GeneratePlacementsPlugin says which sets of nodes a group of pods may be placed on as a whole.
type GeneratePlacementsPlugin interface {
	GeneratePlacements(g *PodGroup, nodes Nodes) ([]Placement, Status)
}

// ScorePlacementPlugin compares the ways in which a group could be placed.
type ScorePlacementPlugin interface {
	// ScorePlacement returns MinScore to MaxScore. nodes.At(i) is where pod i of the group would go.
	ScorePlacement(g *PodGroup, nodes Nodes) (int64, Status)
}

// PodGroupPostFilterPlugin looks for pods to evict when a group does not fit. It needs the capability
// "preemption", and "reclaim" too to evict pods of any priority.
type PodGroupPostFilterPlugin interface {
	// PodGroupPostFilter returns Success with the pods to evict, or Unschedulable. The nodes are all
	// that the group could be on.
	PodGroupPostFilter(g *PodGroup, nodes Nodes) (PodGroupPostFilterResult, Status)
}

// PodGroupPostFilterResult is how a group could be placed after all.
type PodGroupPostFilterResult struct {
	// Victims are the UIDs of the pods to evict.
	Victims []string
}

// Placement is a set of nodes that a group may be placed on.
type Placement struct {
	Name  string
	Nodes Subset
}

// PodGroup is pods that are scheduled together. It is a view, valid during the call.
type PodGroup struct {
	v   *view
	rec *abi.PodGroup
}

// Name of the group.
func (g *PodGroup) Name() string { return g.v.str(g.rec.Name) }

// Namespace of the group.
func (g *PodGroup) Namespace() string { return g.v.str(g.rec.Namespace) }

// UID of the group.
func (g *PodGroup) UID() string { return g.v.str(g.rec.UID) }

// MinCount is how many of the pods must fit.
func (g *PodGroup) MinCount() int { return int(g.rec.MinCount) }

// Label looks a label up.
func (g *PodGroup) Label(key string) (string, bool) { return g.Labels().Get(key) }

// Labels of the group.
func (g *PodGroup) Labels() Labels { return Labels{g.v, g.rec.Labels} }

// Len is the number of pods.
func (g *PodGroup) Len() int { return int(g.rec.Pods.Count) }

// At returns pod i of the group.
func (g *PodGroup) At(i int) Pod {
	if uint(i) >= uint(g.Len()) {
		panic("stowage: the group has no such pod")
	}
	p := unsafe.Add(g.v.at(g.rec.Pods.Off), uintptr(i)*g.v.stride(abi.RecordPod))
	return Pod{g.v, (*abi.PodRecord)(p)}
}

// Pods iterates over the pods with their indices. The Pod is one value that moves on.
func (g *PodGroup) Pods() iter.Seq2[int, *Pod] {
	return func(yield func(int, *Pod) bool) {
		var pod Pod
		for i := range g.Len() {
			pod = g.At(i)
			if !yield(i, &pod) {
				return
			}
		}
	}
}
