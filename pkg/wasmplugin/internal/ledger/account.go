// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	v1 "k8s.io/api/core/v1"
)

// way is a way to assign pods to accounts, with the accounts that any pod belongs to.
type way struct {
	label    string
	accounts map[string]*account
}

// account is what all pods of an account request. It exists while there are any.
type account struct {
	way  *way
	name string
	sums
	scalars map[v1.ResourceName]int64
	// stamp and share tell, while a node is counted, where the account's share of it is.
	stamp uint64
	share int
}

// accountOf is the account that a pod belongs to, if any.
func (w *way) accountOf(pod *v1.Pod) (string, bool) {
	if w.label == "" {
		return pod.Namespace, true
	}
	name, ok := pod.Labels[w.label]
	return name, ok
}

// open finds or makes an account.
func (w *way) open(name string) *account {
	a := w.accounts[name]
	if a == nil {
		a = &account{way: w, name: name}
		w.accounts[name] = a
	}
	return a
}

// change adds a pod to its account, or takes it out if the sign is negative.
func (w *way) change(p *load, sign int64) {
	name, ok := w.accountOf(p.pod)
	if !ok {
		return
	}
	a := w.open(name)
	a.add(p.sums, sign)
	for name, n := range p.scalars {
		a.addScalar(name, sign*n)
	}
	a.closeIfEmpty()
}

// changeShare adds what a node's pods of the account count for, or takes it out.
func (a *account) changeShare(s *share, sign int64) {
	a.add(s.sums, sign)
	for _, x := range s.scalars {
		a.addScalar(x.name, sign*x.n)
	}
	a.closeIfEmpty()
}

func (a *account) addScalar(name v1.ResourceName, n int64) {
	if a.scalars == nil {
		a.scalars = map[v1.ResourceName]int64{}
	}
	if a.scalars[name] += n; a.scalars[name] == 0 {
		delete(a.scalars, name)
	}
}

// closeIfEmpty forgets an account without pods, so that names that come and go leave nothing.
func (a *account) closeIfEmpty() {
	if a.pods == 0 {
		delete(a.way.accounts, a.name)
	}
}
