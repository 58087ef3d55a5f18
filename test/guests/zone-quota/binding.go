// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/test/native/rules"
)

func (p *policy) Reserve(c *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.Status {
	if have, ok := stowage.StateOf[rules.State](c); ok {
		s := *have
		s.Reserve(node.Zone())
		c.SetState(stowage.EncodeState(&s))
	}
	return rejected(rules.Refuse(&p.pod, "Reserve", node.Name(), rules.ReasonReserve))
}

func (p *policy) Unreserve(*stowage.Cycle, *stowage.Pod, *stowage.Node) {}

func (p *policy) Permit(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.PermitResult {
	if reason := rules.Refuse(&p.pod, "Permit", node.Name(), rules.ReasonPermit); reason != "" {
		return stowage.Deny(stowage.Unschedulable(reason))
	}
	return stowage.Allow()
}

func (p *policy) PreBindPreFlight(c *stowage.Cycle, _ *stowage.Pod, _ *stowage.Node) stowage.Status {
	if _, ok := stowage.StateOf[rules.State](c); !ok {
		return stowage.Skip()
	}
	return stowage.Success()
}

func (p *policy) PreBind(c *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.Status {
	if s, ok := stowage.StateOf[rules.State](c); !ok || !s.Kept(node.Zone()) {
		return stowage.Error(rules.ReasonState)
	}
	return stowage.Success()
}
