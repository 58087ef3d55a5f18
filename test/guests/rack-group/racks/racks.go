// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package racks places a group of pods within one rack, or within what another node label tells apart,
// and prefers the placement that takes the fewest nodes, or the most if the group wants to be spread.
// There is nothing to close, and as in every guest one call at a time.
package racks

import stowage "github.com/stowage-scheduler/stowage/sdk/go"

const (
	// domainLabel is the group's label for the node label that must be the same for all of its pods.
	domainLabel = "rack-group/within"
	rack        = "rack"
	// spreadLabel is the group's label for being on as many nodes as there are.
	spreadLabel = "rack-group/spread"
)

// Reads is what Policy looks at.
const Reads = stowage.ReadNodeLabels

// Policy generates and scores placements.
type Policy struct{}

// domain is nodes that have the same value of a label.
type domain struct {
	stowage.Placement
	room int64
}

// GeneratePlacements makes one of each rack that has room for enough of the group's pods.
func (Policy) GeneratePlacements(g *stowage.PodGroup, nodes stowage.Nodes) (out []stowage.Placement, s stowage.Status) {
	key, ok := g.Label(domainLabel)
	if !ok {
		key = rack
	}
	for _, d := range split(nodes, key) {
		if d.room >= int64(g.MinCount()) {
			out = append(out, d.Placement)
		}
	}
	return out, stowage.Success()
}

// split is the domains in the order of their first nodes. Nodes without the label are in none.
func split(nodes stowage.Nodes, key string) (domains []*domain) {
	byValue := map[string]*domain{}
	for _, node := range nodes.All() {
		value, ok := node.Label(key)
		if !ok {
			continue
		}
		d := byValue[value]
		if d == nil {
			d = &domain{Placement: stowage.Placement{Name: value}}
			byValue[value], domains = d, append(domains, d)
		}
		d.Nodes.Add(node)
		d.room += max(0, node.MaxPods()-int64(node.PodCount()))
	}
	return domains
}

// ScorePlacement is MaxScore if all pods are on one node, half of that on two, and so on; the other
// way round for a group that is to be spread.
func (Policy) ScorePlacement(g *stowage.PodGroup, nodes stowage.Nodes) (int64, stowage.Status) {
	names := map[string]bool{}
	for _, node := range nodes.All() {
		names[node.Name()] = true
	}
	score := stowage.MaxScore / int64(max(1, len(names)))
	if _, ok := g.Label(spreadLabel); ok {
		score = stowage.MaxScore - score
	}
	return score, stowage.Success()
}
