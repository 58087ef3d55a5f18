// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// Batch is a pod and nodes that are encoded once, so that a benchmark measures the policy.
// Divide by the number of nodes; in Wasm expect three to five times as much.
type Batch struct {
	h    *Harness
	call *hook.Call
}

// Batch runs PreFilter, and takes all the nodes whatever it says.
func (h *Harness) Batch(pod *Pod, nodes ...*Node) *Batch {
	h.t.Helper()
	s := h.snapshot(pod, nodes)
	h.preFilter(s)
	call := s.call(h.cycle, s.slots(PreFilterResult{}))
	call.Scratch = nil
	call.Verdicts = make([]abi.Verdict, len(call.Slots))
	call.Scores = make([]int64, len(call.Slots))
	return &Batch{h, call}
}

// Filter runs Filter on every node.
func (b *Batch) Filter() { b.run(abi.PointFilter) }

// Score runs Score on every node.
func (b *Batch) Score() { b.run(abi.PointScore) }

func (b *Batch) run(point abi.Points) {
	if code := b.h.driver.Run(point, b.call); code != abi.Success {
		b.h.t.Helper()
		b.h.t.Fatal(status(code, b.call.Text))
	}
}
