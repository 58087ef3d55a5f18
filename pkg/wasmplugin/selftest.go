// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// nameless is what the self-test is about: a pod and a node of this name of which nothing else is known.
const nameless = "stowage-self-test"

// trial is a call of the self-test.
type trial struct {
	points abi.Points
	name   string
	call   func(context.Context, *guest.Guest, *rehearsal) error
}

// rehearsal is what the calls are about.
type rehearsal struct {
	// none has no nodes; chosen has one, and event is its coming.
	none, chosen, event guest.Batch
}

// trials are in the order of a pod's way through the scheduler. What is about several nodes is asked about
// none, because a node that nothing is known of is like no real one; what is about the chosen node needs one.
// Points about pod groups and about other pods are left out.
var trials = []trial{
	plainTrial(abi.PointPreEnqueue, guest.PreEnqueue, nobody),
	plainTrial(abi.PointQueueSort, guest.QueueSort, nobody),
	plainTrial(abi.PointSign, guest.Sign, nobody),
	{abi.PointPreFilter, abi.ExportPreFilter, func(ctx context.Context, g *guest.Guest, r *rehearsal) error {
		_, err := g.PreFilter(ctx, r.none)
		return err
	}},
	{abi.PointFilter, abi.ExportFilter, func(ctx context.Context, g *guest.Guest, r *rehearsal) error {
		return g.Filter(ctx, r.none, nil)
	}},
	{abi.PointPreScore, abi.ExportPreScore, func(ctx context.Context, g *guest.Guest, r *rehearsal) error {
		_, err := g.PreScore(ctx, r.none)
		return err
	}},
	{abi.PointScore, abi.ExportScore, func(ctx context.Context, g *guest.Guest, r *rehearsal) error {
		_, err := g.Score(ctx, r.none, nil)
		return err
	}},
	{abi.PointNormalizeScore, abi.ExportNormalizeScore, func(ctx context.Context, g *guest.Guest, r *rehearsal) error {
		_, err := g.Normalize(ctx, r.none, nil)
		return err
	}},
	plainTrial(abi.PointPostFilter, guest.PostFilter, nobody),
	plainTrial(abi.PointReserve, guest.Reserve, theChosen),
	plainTrial(abi.PointPermit, guest.Permit, theChosen),
	plainTrial(abi.PointPreBindPreFlight, guest.PreBindPreFlight, theChosen),
	plainTrial(abi.PointPreBind, guest.PreBind, theChosen),
	plainTrial(abi.PointBind, guest.Bind, theChosen),
	plainTrial(abi.PointPostBind, guest.PostBind, theChosen),
	plainTrial(abi.PointReserve, guest.Unreserve, theChosen),
	plainTrial(abi.PointQueueingHint, guest.QueueingHint, func(r *rehearsal) guest.Batch { return r.event }),
}

func nobody(r *rehearsal) guest.Batch    { return r.none }
func theChosen(r *rehearsal) guest.Batch { return r.chosen }

func plainTrial(points abi.Points, call *guest.Call, about func(*rehearsal) guest.Batch) trial {
	return trial{points, call.Export, func(ctx context.Context, g *guest.Guest, r *rehearsal) error {
		_, err := g.Ask(ctx, call, about(r))
		return err
	}}
}

// selfTest tries each point of a module with a guest whose host functions have no effect, and which
// nobody gets afterwards. What the policy decides is of no matter; that it breaks down is.
func (p *policy) selfTest(ctx context.Context, l *loaded) error {
	for _, pool := range l.pools() {
		if err := p.rehearse(ctx, l, pool); err != nil {
			return err
		}
	}
	return l.warm(ctx)
}

func (p *policy) rehearse(ctx context.Context, l *loaded, pool *guest.Pool) (err error) {
	g, err := pool.Get(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Discard(ctx, g)) }()
	g.Mute()
	r := p.rehearsal(l)
	for _, t := range trials {
		if !l.about.Has(t.points) || p.poolOf(l, t.points) != pool {
			continue
		}
		if err := p.tryCall(ctx, l, g, t, r); err != nil {
			return err
		}
	}
	return nil
}

// poolOf is the pool whose guests answer the points.
func (p *policy) poolOf(l *loaded, points abi.Points) *guest.Pool {
	switch {
	case points&queueMask != 0:
		return l.queue
	case points&bindMask != 0:
		return l.binding
	}
	return l.pool
}

func (p *policy) tryCall(ctx context.Context, l *loaded, g *guest.Guest, t trial, r *rehearsal) error {
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: nameless, Namespace: metav1.NamespaceDefault, UID: nameless}}
	cycle := guest.Cycle{ID: p.host.cycles.Add(1), Pod: p.store.EncodePod(pod, l.about.Reads), Subject: pod}
	world := guest.World{Strides: p.store.Strides(), Parts: l.about.Reads}
	err := g.Begin(ctx, &world, &cycle, time.Now().Add(engine.MaxStartTime))
	if err == nil {
		err = t.call(ctx, g, r)
	}
	if err != nil {
		return fmt.Errorf("the module %w: %s of a pod and a node of which nothing is known: %w", generation.ErrSelfTest, t.name, err)
	}
	return nil
}

func (p *policy) rehearsal(l *loaded) *rehearsal {
	r := &rehearsal{}
	s := snapshot.NewDetached(p.store, l.about.Reads)
	slot := s.AddName(nameless)
	r.chosen = guest.Batch{Slots: []uint32{slot}, ScratchTable: s.Table(), ScratchData: s.Data()}
	node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: nameless}}
	// There is an object, so it can be encoded.
	r.event, _ = encodeEvent(snapshot.NewDetached(p.store, l.about.Reads), abi.Event{Action: abi.ActionAdd, Source: abi.Absent}, nil, node)
	return r
}
