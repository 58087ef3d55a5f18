// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// reservation is a pod that was reserved since the snapshot was taken, which may or may not show
// it:
//
//	Reserve -> counted by itself <-> shown, counted by its node -> gone
//
// It goes with Unreserve, or when its node is counted with another generation: then the
// snapshot is of later than the reservation, and its word on the pod is the last, so that a pod
// which was bound, or deleted before any snapshot showed it, leaves nothing behind. In pod-group
// cycles the snapshot shows simulated pods under the generation that the node had before, and
// the reservation stays until it is undone.
type reservation struct {
	load
	node string
	gen  int64 // of the node's latest count when the pod was reserved; 0 if it had none
	// shown is set while the node counts the pod. asShown is what it counts, if that is known.
	shown   bool
	asShown load
}

// Reserve counts a pod on a node until the snapshot shows it or Unreserve is called. To reserve
// a pod again changes nothing, or moves it if the node is another. Only the scheduling goroutine
// may call it, after the cycle's Sync, for simulated reservations of pod groups too.
func (l *Ledger) Reserve(pod *v1.Pod, node string) {
	if l.isReserved(pod, node) {
		return
	}
	r := &reservation{load: pendingLoad(pod), node: node}
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.reserved[pod.UID]; old != nil {
		l.undo(old)
	}
	if n := l.nodes[node]; n != nil {
		r.gen, r.shown = n.gen, slices.Contains(n.uids, pod.UID)
	}
	if !r.shown {
		l.change(&r.load, +1)
	}
	l.reserved[pod.UID] = r
	l.reservedOn[node] = append(l.reservedOn[node], r)
}

// isReserved tells that there is nothing to do: each policy of a profile reserves every pod.
func (l *Ledger) isReserved(pod *v1.Pod, node string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	r := l.reserved[pod.UID]
	return r != nil && r.pod == pod && r.node == node
}

// Unreserve undoes Reserve; it does nothing for a pod that is not reserved. A pod that the
// snapshot of a later cycle shows is counted until no snapshot shows it any more. Otherwise the
// sums are at once what they were without the pod.
func (l *Ledger) Unreserve(uid types.UID, node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty[node] = struct{}{}
	if r := l.reserved[uid]; r != nil {
		l.undo(r)
	}
}

// undo ends a reservation and the counting of its pod.
func (l *Ledger) undo(r *reservation) {
	l.dirty[r.node] = struct{}{}
	if n := l.nodes[r.node]; n != nil && r.shown && r.asShown.pod != nil {
		l.takeOut(n, &r.asShown)
	}
	l.drop(r)
	rest := slices.DeleteFunc(l.reservedOn[r.node], func(x *reservation) bool { return x == r })
	if l.reservedOn[r.node] = rest; len(rest) == 0 {
		delete(l.reservedOn, r.node)
	}
}

// drop ends a reservation. What the node counts for it stays.
func (l *Ledger) drop(r *reservation) {
	if !r.shown {
		l.change(&r.load, -1)
	}
	delete(l.reserved, r.pod.UID)
}

// change adds a pod to its accounts, or takes it out.
func (l *Ledger) change(p *load, sign int64) {
	for _, w := range l.ways {
		w.change(p, sign)
	}
}

// settle sees to it that pods reserved on a node that was just counted are counted once.
func (l *Ledger) settle(n *node, loads []load) {
	rest := l.reservedOn[n.name]
	if len(rest) == 0 {
		return
	}
	rest = slices.DeleteFunc(rest, func(r *reservation) bool { return !l.show(r, n.gen, loads) })
	if l.reservedOn[n.name] = rest; len(rest) == 0 {
		delete(l.reservedOn, n.name)
	}
}

// show follows whether the node's count includes the pod. It tells whether the reservation
// stays.
func (l *Ledger) show(r *reservation, gen int64, loads []load) bool {
	i := slices.IndexFunc(loads, func(p load) bool { return p.pod.UID == r.pod.UID })
	switch shown := i >= 0; {
	case shown && !r.shown:
		l.change(&r.load, -1)
	case !shown && r.shown:
		l.change(&r.load, +1)
	}
	r.shown, r.asShown = i >= 0, load{}
	if r.shown {
		r.asShown = loads[i]
	}
	if gen != r.gen {
		l.drop(r)
		return false
	}
	return true
}
