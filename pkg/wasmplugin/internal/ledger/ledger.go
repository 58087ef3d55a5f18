// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ledger keeps what the pods on all nodes request, summed per account. An account is a
// namespace or the value of a pod label. The sums follow from the scheduler's snapshot: when a
// node changed, what it counted for is subtracted and what it counts for now is added. So they
// are right for assumed, terminating and resized pods, and cannot drift. Pods that are reserved
// but that the snapshot does not show yet are counted beside it, each once.
//
// Ownership: a Ledger owns nothing that must be closed. It keeps strings of the pods it counted,
// and the objects of reserved pods.
//
// Concurrency: Sync belongs to the one goroutine that runs scheduling cycles, and so does
// Reserve, because both read what must not change meanwhile. Everything else may be called by
// anybody at any time. Sync takes the mutex for one node at a time, and for all nodes that are
// gone, but never while it asks a NodeInfo or a PodInfo for anything: who reads under the
// scheduling queue's lock does not wait for a whole Sync. What is read meanwhile has some nodes
// as they were and some as they are, and each reserved pod once.
package ledger

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Ledger is usage summed per account, in each of the ways to assign pods to accounts that were
// registered.
type Ledger struct {
	// What the latest Sync saw, by position in the scheduler's list; Sync's own.
	at    []position
	round uint64
	loads []load // scratch

	mu sync.RWMutex // guards what follows
	// ways is by the index that Account returned. It only grows.
	ways []*way
	// nodes is by name. Sync replaces it, so Sync alone may read it without the mutex.
	nodes map[string]*node
	// dirty is the names of nodes that must be recounted whatever their generation.
	dirty map[string]struct{}
	// behind is set when a way was registered that nodes are not counted in yet.
	behind bool
	// reserved is by UID; reservedOn has the same reservations by the name of their node.
	reserved   map[types.UID]*reservation
	reservedOn map[string][]*reservation
	shares     []share // scratch
	stamp      uint64
}

// New makes an empty ledger.
func New() *Ledger {
	return &Ledger{
		nodes:      map[string]*node{},
		dirty:      map[string]struct{}{},
		reserved:   map[types.UID]*reservation{},
		reservedOn: map[string][]*reservation{},
	}
}

// Account registers a way to assign pods to accounts and returns its index for Used. A pod's
// account is the value of its label with that key, and pods without the label belong to none;
// if the key is empty, it is the pod's namespace. The same label has the same index always.
// Sums of a way that is new are complete after the next Sync.
func (l *Ledger) Account(label string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.ways {
		if w.label == label {
			return i
		}
	}
	w := &way{label: label, accounts: map[string]*account{}}
	l.ways = append(l.ways, w)
	l.behind = true
	for _, r := range l.reserved {
		if !r.shown {
			w.change(&r.load, +1)
		}
	}
	return len(l.ways) - 1
}

// Dirty makes the next Sync recount the node whatever its generation. It is for changes in place
// that the ledger is not told of: pods that are reserved and unreserved need it not.
func (l *Ledger) Dirty(node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty[node] = struct{}{}
}
