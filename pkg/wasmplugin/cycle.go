// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// synced marks a CycleState whose snapshot the store shows, and keeps what the policies of the
// attempt share: the clock, and the encoded pod for those that read the same parts.
type synced struct {
	pods  map[encodedPod][]byte
	clock clock
	group bool
	// parts is what the store shows of nodes.
	parts abi.Parts
}

// encodedPod is what an encoded pod follows from.
type encodedPod struct {
	pod   *v1.Pod
	parts abi.Parts
}

const syncedKey fwk.StateKey = "stowage/synced"

// Clone shares the mark; only the scheduling goroutine adds pods to it.
func (s *synced) Clone() fwk.StateData { return s }

// begin starts the policy's part of an attempt. If the policy cannot be asked, the attempt has
// failed already.
func (p *policy) begin(at *point, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *attempt {
	a := p.newAttempt(pod)
	a.over, a.end = context.WithCancel(context.Background())
	err := p.admit(a, false)
	if err == nil {
		err = p.show(a, state, nodes)
	}
	if err != nil {
		a.module = nil
		a.fail(err)
		p.report(at, a, err)
	}
	return a
}

// show lets the attempt see the cluster as it is in the state.
func (p *policy) show(a *attempt, state fwk.CycleState, nodes []fwk.NodeInfo) error {
	mark, err := p.sync(state, nodes)
	if err != nil {
		return err
	}
	if a.module = p.showable(a.module, mark.parts); a.module == nil {
		return errLate
	}
	a.pool = a.module.pool
	a.objects = a.module.version()
	parts := a.module.about.Reads
	key := encodedPod{a.pod, parts}
	encoded, ok := mark.pods[key]
	if !ok {
		encoded = p.store.EncodePod(a.pod, parts)
		mark.pods[key] = encoded
	}
	a.world = guest.World{
		Segments: p.store.Spaces(parts),
		Strides:  p.store.Strides(),
		Parts:    parts,
		Epoch:    p.store.Epoch(),
		Nodes:    p.tableSize(parts),
	}
	a.cycle = guest.Cycle{ID: a.id, Pod: encoded, Subject: a.pod, Done: a.over.Done()}
	a.simulated, a.filters = mark.group, newEvaluations(len(nodes))
	a.reasons.left = int(p.args.Limits.ResultSize.Value())
	if a.clock = &mark.clock; p.monitored {
		// The time of a policy without effect must not be taken from those that have one.
		a.clock = &clock{}
	}
	return nil
}

// tableSize is how many slots a policy that reads the parts may walk.
func (p *policy) tableSize(parts abi.Parts) int {
	if parts&abi.NodeTable == 0 {
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
	follow, tables := p.store.Follow, p.host.tables.Load()
	if tables {
		follow = p.store.Sync
	}
	if err := follow(nodes, !mark.group); err != nil {
		return nil, fmt.Errorf("following the cluster's state: %w", err)
	}
	if p.host.counting.Load() {
		p.host.ledger.Sync(nodes)
	}
	if mark.parts = p.store.Encoded(); !tables {
		mark.parts &^= abi.NodeTable
	}
	state.Write(syncedKey, mark)
	return mark, nil
}

// with runs f with a guest that sees the attempt, unless the attempt has failed. The first
// failure of f, or in getting as far as that, is the attempt's.
func (p *policy) with(ctx context.Context, at *point, a *attempt, f func(context.Context, *guest.Guest) error) error {
	if err := a.failure(); err != nil {
		return err
	}
	err := p.timed(ctx, at, a, f)
	if err == nil {
		return nil
	}
	a.fail(err)
	if errors.Is(err, engine.ErrCanceled) {
		return a.failure()
	}
	p.report(at, a, err)
	return err
}

// timed runs f on the attempt's clock.
func (p *policy) timed(ctx context.Context, at *point, a *attempt, f func(context.Context, *guest.Guest) error) error {
	began, until, ok := a.clock.start(a.limit)
	if !ok {
		return fmt.Errorf("%w of %v: it was used up before this call", errNoTimeLeft, a.limit)
	}
	defer func() { a.clock.stop(time.Now()) }()
	if err := p.store.Acquire(); err != nil {
		return err
	}
	defer p.release()
	// The framework cancels contexts as a matter of routine; a call that has begun is short
	// and finishes.
	ctx = context.WithoutCancel(ctx)
	g, err := p.guest(a, until)
	if err != nil {
		return err
	}
	if err = g.Begin(ctx, p.world(a), &a.cycle, until); err == nil {
		err = p.inform(ctx, a, g)
	}
	if err == nil {
		err = f(ctx, g)
	}
	if err != nil {
		// Before another guest is made, which others may be waiting for.
		a.fail(err)
	}
	p.metrics.Point(at.name).Observe(result(err), time.Since(began), g.Used())
	p.putBack(ctx, a.pool, g, err == nil)
	return err
}

// inform tells a guest of the declared objects, unless it knows or the queue is locked: a guest of
// the queue is told while it is idle, and decides on what it knows.
func (p *policy) inform(ctx context.Context, a *attempt, g *guest.Guest) error {
	feed := a.module.objects
	if feed == nil || g.Seen() == feed.Version() {
		return nil
	}
	if a.pool == a.module.queue {
		a.objects = g.Seen()
		return nil
	}
	return p.tell(ctx, a.module.loaded, g)
}

// guest gets a guest, by until. Who had to wait for one may find that the attempt has failed
// meanwhile.
func (p *policy) guest(a *attempt, until time.Time) (*guest.Guest, error) {
	pool := a.pool
	if g := pool.Idle(); g != nil {
		return g, nil
	}
	ctx, cancel := context.WithDeadline(a.context(), until)
	defer cancel()
	g, err := pool.Get(ctx)
	if a.context().Err() == nil {
		return g, err
	}
	if g != nil {
		p.putBack(context.WithoutCancel(ctx), pool, g, true)
	}
	return nil, fmt.Errorf("%w while it waited for a guest", engine.ErrCanceled)
}

// putBack returns a guest; one that failed is discarded.
func (p *policy) putBack(ctx context.Context, pool *guest.Pool, g *guest.Guest, healthy bool) {
	give := pool.Discard
	if healthy {
		give = pool.Put
	}
	if err := give(ctx, g); err != nil {
		p.logger.Error(err, "Closing a guest")
	}
}

// world is what the attempt sees. In a pod group's cycle attempts of other pods come between an
// attempt's calls, and the store may have moved strings for them.
func (p *policy) world(a *attempt) *guest.World {
	if !a.simulated {
		return &a.world
	}
	now := a.world
	now.Epoch, now.Nodes = p.store.Epoch(), p.tableSize(now.Parts)
	return &now
}

func (p *policy) release() {
	if err := p.store.Release(); err != nil {
		p.logger.Error(err, "Closing the resident snapshot")
	}
}
