// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	goruntime "runtime"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/objects"
)

// loaded is a module that works: verified, metered, compiled and with its guests made.
type loaded struct {
	// number counts what the policy has loaded, from 1.
	number int
	// digest of the module's bytes.
	digest string
	// config is the policy's, as JSON.
	config []byte
	about  guest.Description
	needs  guest.Needs
	// pool has the guests of scheduling cycles, which see the snapshot. Those of the scheduling queue
	// and of binding run beside them and do not; nil if the policy answers no such point.
	pool, queue, binding *guest.Pool
	// objects is the cluster objects that the policy declares; nil if it declares none.
	objects *objects.Feed
	// accounts is what the ledger calls the ways to assign accounts that the policy declares.
	accounts []int
}

// pools is those that there are.
func (l *loaded) pools() (pools []*guest.Pool) {
	for _, pool := range []*guest.Pool{l.pool, l.queue, l.binding} {
		if pool != nil {
			pools = append(pools, pool)
		}
	}
	return pools
}

// size is how many guests there may be.
func (l *loaded) size() (n int) {
	for _, pool := range l.pools() {
		n += pool.Size()
	}
	return n
}

// close ends the guests, each when its call has ended.
func (l *loaded) close(ctx context.Context) error {
	if l.objects != nil {
		l.objects.Close()
	}
	var errs []error
	for _, pool := range l.pools() {
		errs = append(errs, pool.Close(ctx))
	}
	return errors.Join(errs...)
}

// populate makes the pools of guests that the module's points need. It takes over the module.
func (p *policy) populate(ctx context.Context, l *loaded, module *engine.Module) (err error) {
	if l.pool, err = guest.NewPool(ctx, module.Retain(), p.guests(l)); err != nil {
		return errors.Join(err, module.Close(ctx), module.Close(ctx))
	}
	defer func() { err = errors.Join(err, module.Close(ctx)) }()
	l.about, l.needs = l.pool.Describe(), l.pool.Needs()
	if err := errors.Join(p.permit(l.about, l.needs), checkNeeds(l.needs)); err != nil {
		return err
	}
	for _, extra := range []struct {
		points abi.Points
		into   **guest.Pool
		opts   guest.Options
	}{
		{queueMask, &l.queue, p.queueGuests(l)},
		{bindMask, &l.binding, p.bindingGuests(l)},
	} {
		if !l.about.Has(extra.points) {
			continue
		}
		pool, err := guest.NewPool(ctx, module.Retain(), extra.opts)
		if err != nil {
			return errors.Join(err, module.Close(ctx))
		}
		*extra.into = pool
	}
	p.count(l)
	// From here on guests may be told of objects, in any pool.
	if err := p.watch(ctx, l); err != nil {
		return err
	}
	return l.warm(ctx)
}

// warm makes the guests, so that nobody waits for one to start.
func (l *loaded) warm(ctx context.Context) error {
	var errs []error
	for _, pool := range l.pools() {
		errs = append(errs, pool.Warm(ctx))
	}
	return errors.Join(errs...)
}

func (p *policy) guests(l *loaded) guest.Options {
	limits := &p.args.Limits
	size := int(*limits.Instances)
	if size == 0 {
		size = runnable()
	}
	opts := guest.Options{Config: l.config, Size: size, Faulted: p.idleFault}
	opts.Prepare = func(ctx context.Context, g *guest.Guest) error { return p.update(ctx, l, g) }
	opts.Limits = guest.DefaultLimits
	opts.Limits.PerCall, opts.Limits.PerNode = *limits.Fuel.PerCall, *limits.Fuel.PerNode
	opts.Limits.State = int(limits.ResultSize.Value())
	return opts
}

// queueGuests serve the scheduling queue, which calls while it is locked: with little fuel, and one
// at a time but for QueueSort.
func (p *policy) queueGuests(l *loaded) guest.Options {
	opts := p.guests(l)
	opts.Size = 2
	opts.Limits.PerCall = *p.args.Limits.Fuel.PerQueueCall
	return opts
}

// bindingGuests serve binding, which runs beside scheduling for many pods at once.
func (p *policy) bindingGuests(l *loaded) guest.Options {
	opts := p.guests(l)
	opts.Size = 2
	opts.Limits.PerCall = *p.args.Limits.Fuel.PerBindCall
	return opts
}

// runnable is how many guests can be in a call at the same time: one for each worker of the
// framework that has a CPU, because running Wasm is not preempted.
func runnable() int {
	const parallelism = 16 // the framework's default
	return min(goruntime.GOMAXPROCS(0), parallelism)
}
