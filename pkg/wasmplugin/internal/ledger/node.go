// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// node is what a node counts for, until it is counted again.
type node struct {
	name string
	at   int    // position in the list; Sync's own
	seen uint64 // the round of the latest list that has it; Sync's own

	// Guarded by the ledger's mutex.
	shares []share
	uids   []types.UID // of the pods that were counted
	gen    int64       // generation of what was counted
}

// share is what the node's pods of one account count for.
type share struct {
	account *account
	sums
	scalars []scalar
}

type scalar struct {
	name v1.ResourceName
	n    int64
}

func (s *share) change(p *load, sign int64) {
	s.add(p.sums, sign)
	for name, n := range p.scalars {
		i := slices.IndexFunc(s.scalars, func(x scalar) bool { return x.name == name })
		if i < 0 {
			i = len(s.scalars)
			s.scalars = append(s.scalars, scalar{name: name})
		}
		s.scalars[i].n += sign * n
	}
}

// recount makes the loads what the node counts for. New shares are added before old ones go, so
// that accounts which stay are not made anew.
func (l *Ledger) recount(n *node, gen int64, loads []load) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := l.split(loads)
	for i := range fresh {
		fresh[i].account.changeShare(&fresh[i], +1)
	}
	n.withdraw()
	n.shares = refill(n.shares, len(fresh))
	copy(n.shares, fresh)
	clear(fresh)
	n.uids = refill(n.uids, len(loads))
	for i := range loads {
		n.uids[i] = loads[i].pod.UID
	}
	n.gen = gen
	l.settle(n, loads)
}

// split sums the loads by account. The result is valid until the next call.
func (l *Ledger) split(loads []load) []share {
	l.stamp++
	out := l.shares[:0]
	for _, w := range l.ways {
		for i := range loads {
			name, ok := w.accountOf(loads[i].pod)
			if !ok {
				continue
			}
			a := w.open(name)
			if a.stamp != l.stamp {
				a.stamp, a.share = l.stamp, len(out)
				out = append(out, share{account: a})
			}
			out[a.share].change(&loads[i], +1)
		}
	}
	l.shares = out
	return out
}

// withdraw takes the node's shares out of their accounts.
func (n *node) withdraw() {
	for i := range n.shares {
		n.shares[i].account.changeShare(&n.shares[i], -1)
	}
}

// refill is a slice of n zero elements, in the old one's place unless that wastes memory.
func refill[T any](old []T, n int) []T {
	if n > cap(old) || cap(old) > 2*n+4 {
		return make([]T, n)
	}
	clear(old)
	return old[:n]
}

// takeOut ends the counting of one of the node's pods before the node is counted again. The node
// has no share yet in a way that was registered since it was counted.
func (l *Ledger) takeOut(n *node, p *load) {
	for _, w := range l.ways {
		name, ok := w.accountOf(p.pod)
		i := slices.IndexFunc(n.shares, func(s share) bool { return s.account.way == w && s.account.name == name })
		if !ok || i < 0 {
			continue
		}
		n.shares[i].change(p, -1)
		if n.shares[i].pods == 0 {
			n.shares = slices.Delete(n.shares, i, i+1)
		}
		w.change(p, -1)
	}
	if i := slices.Index(n.uids, p.pod.UID); i >= 0 {
		n.uids = slices.Delete(n.uids, i, i+1)
	}
}
