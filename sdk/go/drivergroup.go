// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

func (d *driver) serveGroup(p abi.Points, c *hook.Call) (s Status) {
	d.group.rec = (*abi.PodGroup)(c.Group)
	nodes := Nodes{&d.view, c.Slots}
	switch p {
	case abi.PointGeneratePlacements:
		return d.generatePlacements(c, nodes)
	case abi.PointScorePlacement:
		c.Scores[0], s = d.placeScorer.ScorePlacement(&d.group, nodes)
		return asError(s)
	}
	r, s := d.groupFilterer.PodGroupPostFilter(&d.group, nodes)
	c.Victims = r.Victims
	return refuse(s, CodeSkip, "PodGroupPostFilter")
}

func (d *driver) generatePlacements(c *hook.Call, nodes Nodes) Status {
	placements, s := d.generator.GeneratePlacements(&d.group, nodes)
	for _, p := range placements {
		c.Placements = append(c.Placements, hook.Placement{Name: p.Name, Slots: p.Nodes.slots})
	}
	return asError(s)
}
