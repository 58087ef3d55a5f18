// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"math/bits"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// chunkSize is how many nodes one guest call decides on. The framework's workers take runs of
// about 70 neighbouring nodes; 64 makes crossing the boundary cost little per node, and at
// most that many nodes per worker are evaluated in vain when the framework has found enough.
const chunkSize = 64

// chunk is the verdicts on neighbouring positions of the node list. Bits are claimed by the
// worker that evaluates them, and done once their outcomes may be read.
type chunk struct {
	claimed, done atomic.Uint64
	outcomes      [chunkSize]*outcome
}

// evaluations is a policy's verdicts on the snapshot's nodes in one attempt; chunks are made
// when they are first asked for.
type evaluations []atomic.Pointer[chunk]

func newEvaluations(nodes int) evaluations {
	return make(evaluations, (nodes+chunkSize-1)/chunkSize)
}

func (e evaluations) chunk(i int) *chunk {
	at := &e[i/chunkSize]
	if c := at.Load(); c != nil {
		return c
	}
	if c := (&chunk{}); at.CompareAndSwap(nil, c) {
		return c
	}
	return at.Load()
}

var errNoPreFilter = errors.New("Filter was called without PreFilter")

// Filter returns the policy's verdict on a node.
func (f filterPoints) Filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, info fwk.NodeInfo) *fwk.Status {
	p := f.policy.in(state, pod)
	status := p.filter(ctx, state, info)
	p.shadow.filter(ctx, state, pod, info, status)
	return status
}

func (p *policy) filter(ctx context.Context, state fwk.CycleState, info fwk.NodeInfo) *fwk.Status {
	a, position, resident := p.find(state, info)
	switch {
	case a == nil:
		return p.faulted(filterPoint, errNoPreFilter)
	case !a.answers(abi.PointFilter):
		return nil
	case ctx.Err() != nil:
		return canceled(ctx)
	case a.module == nil:
		return p.faulted(filterPoint, a.failure())
	case !resident || a.simulated:
		return p.filterAlone(ctx, a, info)
	}
	return p.filterResident(ctx, a, position)
}

// lookup is what one Filter call found, for the next one on the same CPU: mostly that is about
// the same attempt and the next node. It spares two searches in memory that a cycle has evicted
// from the caches, which would cost more than the verdict.
type lookup struct {
	state    fwk.CycleState
	attempt  *attempt
	position int
}

// find returns the attempt that belongs to the state, nil if there is none, and where the node
// stands in the snapshot.
func (p *policy) find(state fwk.CycleState, info fwk.NodeInfo) (a *attempt, position int, resident bool) {
	l, ok := p.lookups.Get().(*lookup)
	if !ok {
		l = &lookup{}
	}
	if l.state != state || l.attempt.replaced.Load() {
		data, err := state.Read(p.filterKey)
		if err != nil {
			return nil, 0, false
		}
		l.state, l.attempt = state, data.(*attempt)
	}
	l.position, resident = p.store.PositionNear(l.position+1, info)
	a, position = l.attempt, l.position
	p.lookups.Put(l)
	return a, position, resident
}

func (p *policy) filterResident(ctx context.Context, a *attempt, position int) *fwk.Status {
	c, bit := a.filters.chunk(position), position%chunkSize
	if c.done.Load()>>bit&1 != 0 {
		return c.outcomes[bit].status()
	}
	// From the node asked for onwards: that is the order in which the framework asks.
	wanted := ^uint64(0) << bit
	if rest := p.store.Len() - position + bit; rest < chunkSize {
		wanted &= 1<<rest - 1
	}
	mine := wanted &^ c.claimed.Or(wanted)
	if mine>>bit&1 == 0 {
		// Another worker is at it. Its verdict would be ours; waiting for it would be waiting
		// for a guest.
		return p.filterAgain(ctx, a, position)
	}
	if err := p.evaluate(ctx, a, c, mine, position-bit); err != nil {
		return p.faulted(filterPoint, err)
	}
	return c.outcomes[bit].status()
}

// evaluate decides on the positions from first on whose bit is set, and publishes the outcomes.
func (p *policy) evaluate(ctx context.Context, a *attempt, c *chunk, mine uint64, first int) error {
	var outcomes [chunkSize]*outcome
	nodes := p.newBatch(a, bits.OnesCount64(mine))
	for rest := mine; rest != 0; rest &= rest - 1 {
		nodes.addAt(first + bits.TrailingZeros64(rest))
	}
	if err := p.filterBatch(ctx, a, nodes.guest(), outcomes[:len(nodes.slots)]); err != nil {
		return err
	}
	n := 0
	for rest := mine; rest != 0; rest &= rest - 1 {
		c.outcomes[bits.TrailingZeros64(rest)] = outcomes[n]
		n++
	}
	c.done.Or(mine)
	return nil
}

func (p *policy) filterBatch(ctx context.Context, a *attempt, nodes guest.Batch, out []*outcome) error {
	verdicts := make([]*guest.Verdict, len(out))
	return p.with(ctx, filterPoint, a, func(ctx context.Context, g *guest.Guest) error {
		if err := g.Filter(ctx, nodes, verdicts); err != nil {
			return err
		}
		var last, bounded *outcome
		for i, v := range verdicts {
			// Neighbouring nodes mostly share an outcome.
			if o := p.noted(v); o != last {
				last, bounded = o, a.reasons.bound(o)
				if o != passes {
					p.noteRejection(a)
				}
			}
			out[i] = bounded
		}
		return nil
	})
}

// noted is the outcome of a verdict on a node, which is kept with the verdict. The caller
// holds the guest that the verdict is from.
func (p *policy) noted(v *guest.Verdict) *outcome {
	if v == guest.Pass {
		return passes
	}
	if v.Note == nil {
		v.Note = p.outcome(v, aboutNode)
	}
	return v.Note.(*outcome)
}

// passes is the outcome for nodes that pass.
var passes = &outcome{code: fwk.Success}

// filterAgain decides on one node of the snapshot without publishing.
func (p *policy) filterAgain(ctx context.Context, a *attempt, position int) *fwk.Status {
	node := p.newBatch(a, 1)
	node.addAt(position)
	return p.filterOne(ctx, a, node.guest())
}

// filterAlone decides on a node that is not as the snapshot has it: with nominated pods added,
// or victims removed.
func (p *policy) filterAlone(ctx context.Context, a *attempt, info fwk.NodeInfo) *fwk.Status {
	node := p.newBatch(a, 1)
	node.addCopy(info)
	return p.filterOne(ctx, a, node.guest())
}

func (p *policy) filterOne(ctx context.Context, a *attempt, node guest.Batch) *fwk.Status {
	var one [1]*outcome
	if err := p.filterBatch(ctx, a, node, one[:]); err != nil {
		return p.faulted(filterPoint, err)
	}
	return one[0].status()
}
