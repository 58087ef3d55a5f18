// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"slices"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

// Limits of what a policy may need.
const (
	maxEvents   = 64
	maxObjects  = 16
	maxAccounts = 8
)

// Needs is what the policy declared after Configure.
func (h *Harness) Needs() stowage.Needs {
	h.t.Helper()
	h.ready()
	n := h.host.needs
	return stowage.Needs{Events: slices.Clone(n.Events), Objects: slices.Clone(n.Objects), Accounts: slices.Clone(n.Accounts)}
}

// learnNeeds asks the policy a second time, which must not matter.
func (h *Harness) learnNeeds() {
	h.t.Helper()
	declarer, ok := h.policy.(stowage.NeedsDeclarer)
	if !ok {
		return
	}
	n := declarer.Needs()
	h.host.needs = n
	h.count("Events", len(n.Events), maxEvents)
	h.count("Objects", len(n.Objects), maxObjects)
	h.count("Accounts", len(n.Accounts), maxAccounts)
	for _, e := range n.Events {
		if e.Resource == "" || e.Actions == 0 {
			h.t.Errorf("Needs.Events: %q with actions %#x: want a resource and at least one action", e.Resource, uint32(e.Actions))
		}
	}
	for i, o := range n.Objects {
		if o.Resource == "" {
			h.t.Errorf("Needs.Objects[%d] has no resource", i)
		}
	}
}

func (h *Harness) count(what string, have, most int) {
	h.t.Helper()
	if have > most {
		h.t.Errorf("Needs.%s has %d entries, want at most %d", what, have, most)
	}
}
