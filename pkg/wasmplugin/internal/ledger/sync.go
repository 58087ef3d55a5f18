// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"fmt"

	fwk "k8s.io/kube-scheduler/framework"
)

// stale is a generation that no NodeInfo has: the node must be counted.
const stale = -1

// position is what the latest Sync saw at a position of the scheduler's list.
type position struct {
	info fwk.NodeInfo
	gen  int64
	node *node
}

// Sync brings the sums up to date with all nodes of the scheduler's snapshot. It comes at the
// start of every cycle, those of pods in a pod group included, before anything is reserved in
// it. A node is counted again if its object or its generation is another than last time, or if
// it is dirty; generations are compared for equality only, because pod-group preemption shows
// higher ones for a while and then goes back. Nodes that are not listed any more are subtracted.
func (l *Ledger) Sync(list []fwk.NodeInfo) {
	l.begin()
	if !l.follows(list) {
		l.relist(list)
	}
	for i := range l.at {
		p := &l.at[i]
		if gen := p.info.GetGeneration(); gen != p.gen {
			p.gen = gen
			l.count(p)
		}
	}
	l.end()
}

// begin marks what must be counted again whatever its generation.
func (l *Ledger) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.behind {
		for i := range l.at {
			l.at[i].gen = stale
		}
	}
	for name := range l.dirty {
		if n := l.nodes[name]; n != nil {
			l.at[n.at].gen = stale
		}
	}
	l.behind = false
	clear(l.dirty)
}

// follows tells whether the list has the same objects as last time, in the same order.
func (l *Ledger) follows(list []fwk.NodeInfo) bool {
	if len(list) != len(l.at) {
		return false
	}
	for i, info := range list {
		if info != l.at[i].info {
			return false
		}
	}
	return true
}

// relist follows a change of the set of nodes, their order or their objects.
func (l *Ledger) relist(list []fwk.NodeInfo) {
	l.round++
	at := make([]position, len(list))
	nodes := make(map[string]*node, len(list))
	for i, info := range list {
		name := nodeName(info)
		n, gen := l.known(name, info)
		n.seen, n.at = l.round, i
		nodes[name] = n
		at[i] = position{info, gen, n}
	}
	before := l.at
	l.at = at
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodes = nodes
	for _, p := range before {
		if p.node.seen != l.round {
			p.node.withdraw()
		}
	}
}

// known finds or makes the node of a name, with the generation of this object that was counted.
func (l *Ledger) known(name string, info fwk.NodeInfo) (*node, int64) {
	n := l.nodes[name]
	if n == nil || n.seen == l.round {
		// The snapshot lists a name once. If it ever did not, both nodes would be counted.
		return &node{name: name}, stale
	}
	if was := l.at[n.at]; was.info == info {
		return n, was.gen
	}
	return n, stale
}

func nodeName(info fwk.NodeInfo) string {
	if obj := info.Node(); obj != nil {
		return obj.Name
	}
	// A NodeInfo without a Node is not scheduled to; any stable unique name does.
	return fmt.Sprintf("\x00%p", info)
}

// count recounts the node at a position. What the pods count for is asked without the mutex.
func (l *Ledger) count(p *position) {
	l.loads = l.loads[:0]
	for _, pod := range p.info.GetPods() {
		l.loads = append(l.loads, loadOf(pod))
	}
	l.recount(p.node, p.gen, l.loads)
	clear(l.loads)
}

// end drops reservations on nodes that are not listed: the snapshot is of later than they are,
// or their node would be there, and whoever waits for it to show them would wait for ever.
func (l *Ledger) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, rs := range l.reservedOn {
		if l.nodes[name] != nil {
			continue
		}
		for _, r := range rs {
			l.drop(r)
		}
		delete(l.reservedOn, name)
	}
}
