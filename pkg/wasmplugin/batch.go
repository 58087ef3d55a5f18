// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// batch collects the nodes of one call: by the slot of their record if that is up to date,
// otherwise encoded into scratch, which is only made if it is needed.
type batch struct {
	store   *snapshot.Store
	reads   abi.Parts
	slots   []uint32
	scratch *snapshot.Scratch
}

func (p *policy) newBatch(a *attempt, nodes int) *batch {
	return &batch{store: p.store, reads: a.reads(), slots: make([]uint32, 0, nodes)}
}

// batchOf collects the nodes in their order.
func (p *policy) batchOf(a *attempt, nodes []fwk.NodeInfo) *batch {
	b := p.newBatch(a, len(nodes))
	for _, info := range nodes {
		if position, resident := p.store.Position(info); resident && !a.simulated {
			b.addAt(position)
		} else {
			b.addCopy(info)
		}
	}
	return b
}

// addAt adds the node at a position of the snapshot's list.
func (b *batch) addAt(position int) {
	if !b.store.Current(position) {
		b.addCopy(b.store.At(position))
		return
	}
	b.slots = append(b.slots, b.store.Slots()[position])
}

// addCopy adds a node as it is.
func (b *batch) addCopy(info fwk.NodeInfo) { b.slots = append(b.slots, b.scratchpad().Add(info)) }

// addName adds a node of which nothing but the name is known.
func (b *batch) addName(name string) { b.slots = append(b.slots, b.scratchpad().AddName(name)) }

func (b *batch) scratchpad() *snapshot.Scratch {
	if b.scratch == nil {
		b.scratch = snapshot.NewScratch(b.store, b.reads)
	}
	return b.scratch
}

func (b *batch) guest() guest.Batch {
	if b.scratch == nil {
		return guest.Batch{Slots: b.slots}
	}
	return guest.Batch{Slots: b.slots, ScratchTable: b.scratch.Table(), ScratchData: b.scratch.Data()}
}
