// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// attempt is a policy's part of one scheduling attempt of one pod, in the CycleState. It does
// not change once it is written, but for the evaluations in it, which are the same whoever
// makes them: so clones share it.
type attempt struct {
	world guest.World
	cycle guest.Cycle
	// simulated is set in pod-group cycles, where NodeInfos change under their generation: no
	// record of the snapshot can be trusted, so every node is encoded when it is asked for.
	simulated bool
	filters   evaluations
	// replaced is set when PreFilter runs again on the same CycleState.
	replaced atomic.Bool
}

// Clone shares the attempt.
func (a *attempt) Clone() fwk.StateData { return a }

// synced marks a CycleState whose snapshot the store shows, and keeps the encoded pod for the
// policies that read the same parts.
type synced struct {
	pods  map[encodedPod][]byte
	group bool
}

// encodedPod is what an encoded pod follows from.
type encodedPod struct {
	pod   *v1.Pod
	parts abi.Parts
}

const syncedKey fwk.StateKey = "stowage/synced"

// Clone shares the mark; only the scheduling goroutine adds pods to it.
func (s *synced) Clone() fwk.StateData { return s }

// begin starts the policy's part of an attempt.
func (p *policy) begin(state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*attempt, error) {
	mark, err := p.sync(state, nodes)
	if err != nil {
		return nil, err
	}
	parts := p.about.Reads
	key := encodedPod{pod, parts}
	encoded, ok := mark.pods[key]
	if !ok {
		encoded = p.store.EncodePod(pod, parts)
		mark.pods[key] = encoded
	}
	return &attempt{
		world: guest.World{
			Segments: p.store.Spaces(parts),
			Strides:  p.store.Strides(),
			Parts:    parts,
			Epoch:    p.store.Epoch(),
			Nodes:    p.tableSize(),
		},
		cycle:     guest.Cycle{ID: p.host.cycles.Add(1), Pod: encoded},
		simulated: mark.group,
		filters:   newEvaluations(len(nodes)),
	}, nil
}

// tableSize is how many slots the policy may walk.
func (p *policy) tableSize() int {
	if p.about.Reads&abi.NodeTable == 0 {
		return 0
	}
	return p.store.SlotCount()
}

// sync brings the store up to date once per attempt, whichever policy comes first.
func (p *policy) sync(state fwk.CycleState, nodes []fwk.NodeInfo) (*synced, error) {
	if data, err := state.Read(syncedKey); err == nil {
		return data.(*synced), nil
	}
	mark := &synced{pods: map[encodedPod][]byte{}, group: state.IsPodGroupSchedulingCycle()}
	follow := p.store.Follow
	if p.host.tables.Load() {
		follow = p.store.Sync
	}
	if err := follow(nodes, !mark.group); err != nil {
		return nil, fmt.Errorf("following the cluster's state: %w", err)
	}
	state.Write(syncedKey, mark)
	return mark, nil
}

// with runs f with a guest that sees the attempt. A guest that fails is discarded.
func (p *policy) with(ctx context.Context, a *attempt, f func(context.Context, *guest.Guest) error) error {
	// The framework cancels contexts as a matter of routine; a call that has begun is short
	// and finishes.
	ctx = context.WithoutCancel(ctx)
	if err := p.store.Acquire(); err != nil {
		return err
	}
	defer p.release()
	g, err := p.pool.Get(ctx)
	if err != nil {
		return err
	}
	if err = g.Begin(ctx, p.world(a), &a.cycle); err == nil {
		err = f(ctx, g)
	}
	if err == nil {
		if perr := p.pool.Put(ctx, g); perr != nil {
			p.logger.Error(perr, "Closing a guest after the policy was shut down")
		}
		return nil
	}
	if fault := (*engine.Fault)(nil); errors.As(err, &fault) {
		p.logger.Error(nil, "Policy broke down; its guest is discarded", "detail", fault.Detail())
	}
	if cerr := p.pool.Discard(ctx, g); cerr != nil {
		p.logger.Error(cerr, "Closing a guest that had failed")
	}
	return err
}

// world is what the attempt sees. In a pod group's cycle attempts of other pods come between an
// attempt's calls, and the store may have moved strings for them.
func (p *policy) world(a *attempt) *guest.World {
	if !a.simulated {
		return &a.world
	}
	now := a.world
	now.Epoch, now.Nodes = p.store.Epoch(), p.tableSize()
	return &now
}

func (p *policy) release() {
	if err := p.store.Release(); err != nil {
		p.logger.Error(err, "Closing the resident snapshot")
	}
}
