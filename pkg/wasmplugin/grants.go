// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// sensitive is the parts of nodes that a policy must be granted.
var sensitive = []struct {
	part       abi.Parts
	capability string
}{
	{abi.NodeAnnotations, abi.CapabilityNodeAnnotations},
	{abi.NodePods, abi.CapabilityNodePods},
}

// entitled is the points that a policy must be granted.
var entitled = []struct {
	points     abi.Points
	what       string
	capability string
}{
	{abi.PointPostFilter | abi.PointRankVictims | abi.PointPodGroupPostFilter, "can evict pods", abi.CapabilityPreemption},
	{abi.PointBind, "binds pods", abi.CapabilityBind},
}

// permit tells whether the policy may read what it says it reads, and do what it says it does.
func (p *policy) permit(about guest.Description, needs guest.Needs) (err error) {
	for _, e := range entitled {
		if about.Has(e.points) && !slices.Contains(p.args.Capabilities, e.capability) {
			err = errors.Join(err, lacks("it "+e.what, e.capability))
		}
	}
	if about.Has(abi.PointRankVictims) && about.Reads&abi.NodePods == 0 {
		err = errors.Join(err, fmt.Errorf("%w: it ranks victims without reading the pods of nodes (NodePods)", engine.ErrModule))
	}
	if len(needs.Accounts) > 0 && !slices.Contains(p.args.Capabilities, abi.CapabilityLedger) {
		err = errors.Join(err, lacks("it reads the ledger", abi.CapabilityLedger))
	}
	for _, s := range sensitive {
		if about.Reads&s.part != 0 && !slices.Contains(p.args.Capabilities, s.capability) {
			err = errors.Join(err, lacks("it reads "+s.capability, s.capability))
		}
	}
	return err
}

func lacks(what, capability string) error {
	return fmt.Errorf("%w: %s, which needs capability %q: add it to capabilities in the policy's args", engine.ErrModule, what, capability)
}
