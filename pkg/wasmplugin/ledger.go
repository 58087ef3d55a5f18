// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import v1 "k8s.io/api/core/v1"

// count has the ledger count by the ways that a module declares. Totals are complete from the next
// scheduling cycle on.
func (p *policy) count(l *loaded) {
	for _, label := range l.needs.Accounts {
		l.accounts = append(l.accounts, p.host.ledger.Account(label))
		p.host.counting.Store(true)
	}
}

// used is a host function: what the pods of an account request.
func (p *policy) used(l *loaded, source int, account, resource string) (int64, bool) {
	if source >= len(l.needs.Accounts) {
		return 0, false
	}
	if source >= len(l.accounts) {
		return 0, true // it is being configured
	}
	return p.host.ledger.Used(l.accounts[source], account, resource), true
}

// reserve has the ledger count a pod that is to be placed, until the snapshot shows it.
func (h *Host) reserve(pod *v1.Pod, node string) {
	if h.counting.Load() {
		h.ledger.Reserve(pod, node)
	}
}

// unreserve has the ledger forget it.
func (h *Host) unreserve(pod *v1.Pod, node string) {
	if h.counting.Load() {
		h.ledger.Unreserve(pod.UID, node)
	}
}
