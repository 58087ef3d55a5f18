// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// Cycle is one attempt to schedule one pod.
type Cycle struct {
	v     *view
	state []byte
	count uint32
	node  Node
	flags uint32
	// keeps says whether newState goes anywhere.
	keeps    bool
	newState []byte
}

// set points the cycle at a call.
func (c *Cycle) set(call *hook.Call, keeps bool) {
	c.state, c.count, c.flags = call.State, call.NodeCount, call.Flags
	c.keeps, c.newState = keeps, nil
}

// State is what an earlier call left for this pod; empty before PreFilter has run, or if nothing was
// left. It is valid until the next StartCycle and must not be changed. See SetState and StateOf.
func (c *Cycle) State() []byte { return c.state }

// Nodes iterates over all nodes that the scheduler knows; it needs ReadNodeTable. The Node is one
// value that moves on. There are none outside of the scheduling cycle: in the points of the queue, and
// from Reserve on.
func (c *Cycle) Nodes() iter.Seq[*Node] {
	c.v.need(ReadNodeTable)
	return func(yield func(*Node) bool) {
		for slot := range c.count {
			c.node = Node{c.v, c.v.node(slot)}
			if c.node.rec.Flags&abi.NodeValid != 0 && !yield(&c.node) {
				return
			}
		}
	}
}

// Nodes is a list of nodes that a call is about.
type Nodes struct {
	v     *view
	slots []uint32
}

// Len is the number of nodes.
func (n Nodes) Len() int { return len(n.slots) }

// At returns node i of the list, valid during the call.
func (n Nodes) At(i int) Node {
	return Node{n.v, n.v.node(n.slots[i])}
}

// All iterates over the nodes with their indices. The Node is one value that moves on.
func (n Nodes) All() iter.Seq2[int, *Node] {
	return func(yield func(int, *Node) bool) {
		var node Node
		for i := range n.slots {
			node = n.At(i)
			if !yield(i, &node) {
				return
			}
		}
	}
}

// Subset is a set of nodes, as PreFilter restricts a pod to. An empty Subset allows none.
type Subset struct{ slots []uint32 }

// Add allows a node of Cycle.Nodes, or of the Nodes that the call is about.
func (s *Subset) Add(n *Node) { s.slots = append(s.slots, n.v.slot(n.rec)) }

// Len is the number of nodes added.
func (s *Subset) Len() int { return len(s.slots) }

// PreFilterResult is what PreFilter leaves behind. The zero value restricts nothing.
type PreFilterResult struct {
	// Subset restricts the pod to some nodes; nil allows all.
	Subset *Subset
	// State is handed to every later call about this pod as Cycle.State, in whatever instance
	// it runs. The host keeps a copy. Keep it small: it is copied for each call.
	State []byte
}
