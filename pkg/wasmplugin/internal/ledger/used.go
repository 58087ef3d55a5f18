// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"maps"
	"slices"

	v1 "k8s.io/api/core/v1"
)

// Used is what the pods of an account request of a resource on all nodes: "pods" in pods, "cpu"
// in thousandths, "memory" and "ephemeral-storage" in bytes, others in whole units. It is 0 for
// what the ledger does not know. Any goroutine may ask, at a cost that depends on nothing.
func (l *Ledger) Used(way int, account, resource string) int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	a := l.account(way, account)
	if a == nil {
		return 0
	}
	switch name := v1.ResourceName(resource); name {
	case v1.ResourcePods:
		return a.pods
	case v1.ResourceCPU:
		return a.cpu
	case v1.ResourceMemory:
		return a.memory
	case v1.ResourceEphemeralStorage:
		return a.storage
	default:
		return a.scalars[name]
	}
}

// account is nil if no pod belongs to it.
func (l *Ledger) account(way int, name string) *account {
	if way < 0 || way >= len(l.ways) {
		return nil
	}
	return l.ways[way].accounts[name]
}

// Accounts is the accounts that any pod belongs to, sorted. It is for metrics and people.
func (l *Ledger) Accounts(way int) []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if way < 0 || way >= len(l.ways) {
		return nil
	}
	return slices.Sorted(maps.Keys(l.ways[way].accounts))
}

// Totals is what Used says of every resource that the account's pods request, without those
// that are 0. The caller owns the map.
func (l *Ledger) Totals(way int, account string) map[string]int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	a := l.account(way, account)
	if a == nil {
		return nil
	}
	out := map[string]int64{}
	for name, n := range map[v1.ResourceName]int64{
		v1.ResourcePods: a.pods, v1.ResourceCPU: a.cpu, v1.ResourceMemory: a.memory, v1.ResourceEphemeralStorage: a.storage,
	} {
		if n != 0 {
			out[string(name)] = n
		}
	}
	for name, n := range a.scalars {
		out[string(name)] = n
	}
	return out
}
