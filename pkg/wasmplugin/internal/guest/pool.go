// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

var (
	// ErrClosed is returned for work that arrives after Close.
	ErrClosed = errors.New("the policy is shut down")
	// ErrBusy is returned to who waited for a guest for too long.
	ErrBusy = errors.New("no guest became free in time")
	// ErrStarting is that while there is no guest that could become free, because all broke down:
	// new ones are being made.
	ErrStarting = errors.New("all guests broke down, and new ones are not ready yet")
)

// Options of a Pool.
type Options struct {
	// Config is the policy's configuration as JSON.
	Config []byte
	// Size is how many guests there may be. Defaults to 1.
	Size int
	// Limits default to DefaultLimits.
	Limits Limits
	// Prepare, if not nil, is called with each guest but the first before anybody gets it, on the
	// goroutine that makes it. One for which it fails is closed.
	Prepare func(context.Context, *Guest) error
	// Faulted, if not nil, learns of faults of guests outside of anybody's call. Such guests have been
	// discarded. It is called from any goroutine, and may be for a moment after Close.
	Faulted func(error)
}

// Pool makes guests of one module with one configuration and keeps idle ones, up to a size.
// Whoever wants one more waits for one to come back, which takes as long as a guest call. Guests
// are made on goroutines of their own, so that nobody waits longer for one than they can; so
// are those on which guests that came back run abi.ExportIdle now and then, before others get them.
//
// The pool owns the module: after Close both idle and returned guests are closed, and the
// module with the last of them, so Close may race with calls.
type Pool struct {
	module *engine.Module
	about  Description
	needs  Needs
	opts   Options

	mu      sync.Mutex // guards all below; never held while a guest runs
	changed sync.Cond  // broadcast when any of them changed
	idle    []*Guest
	waiting int   // callers of Get that wait
	made    int   // guests that exist or are being made
	making  int   // those of them that are being made
	failure error // why the latest guest could not be made
	closed  bool
	chores  chores
}

// NewPool describes and configures a first guest, so that a policy that cannot work is refused
// at once. On success the pool owns the module.
func NewPool(ctx context.Context, m *engine.Module, opts Options) (*Pool, error) {
	opts.Size, opts.Limits = cmp.Or(opts.Size, 1), cmp.Or(opts.Limits, DefaultLimits)
	p := &Pool{module: m, opts: opts, chores: newChores(m)}
	p.changed.L = &p.mu
	inst, err := m.Instantiate(ctx)
	if err != nil {
		return nil, err
	}
	inst.Grant(engine.Budget{Fuel: opts.Limits.Start, Until: time.Now().Add(engine.MaxStartTime)})
	if p.about, err = Describe(ctx, m, inst); err != nil {
		return nil, errors.Join(err, inst.Close(ctx))
	}
	g, err := p.wrap(ctx, inst)
	if err != nil {
		return nil, err
	}
	p.idle, p.made, p.needs = []*Guest{g}, 1, g.Needs()
	return p, nil
}

// Describe is what the module says about itself.
func (p *Pool) Describe() Description { return p.about }

// Needs is what the policy with its configuration wants of the host.
func (p *Pool) Needs() Needs { return p.needs }

// Size is how many guests there may be.
func (p *Pool) Size() int { return p.opts.Size }

// Warm makes all guests that there may be, so that no scheduling attempt has to wait for one to
// start.
func (p *Pool) Warm(ctx context.Context) error {
	var all []*Guest
	var errs []error
	for range p.opts.Size {
		g, err := p.get(ctx, true)
		if err != nil {
			errs = append(errs, err)
			break
		}
		all = append(all, g)
	}
	for _, g := range all {
		errs = append(errs, p.Put(ctx, g))
	}
	return errors.Join(errs...)
}

// Get takes an idle guest, or waits for one: to come back, or to be made if there may be more.
// Give it back with Put, or Discard it after a fault. The error is ErrClosed, ErrBusy or
// ErrStarting when ctx is done, or why there is no guest at all.
func (p *Pool) Get(ctx context.Context) (*Guest, error) { return p.get(ctx, false) }

// get is Get. Who has taken all others itself waits for a new one only, and not for ever if that could
// not be made.
func (p *Pool) get(ctx context.Context, others bool) (*Guest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stop := context.AfterFunc(ctx, p.wake)
	defer stop()
	for asked := false; ; p.wait() {
		switch {
		case p.closed:
			return nil, ErrClosed
		case len(p.idle) > 0:
			return p.take(), nil
		case ctx.Err() != nil && p.made == p.making:
			return nil, ErrStarting
		case ctx.Err() != nil:
			return nil, ErrBusy
		case !asked && p.made < p.opts.Size:
			p.made++
			p.making++
			go p.add(context.WithoutCancel(ctx))
			asked = true
		case p.made == 0, others && asked && p.making == 0:
			return nil, p.failure
		}
	}
}

// Idle takes an idle guest; nil if there is none.
func (p *Pool) Idle() *Guest {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	return p.take()
}

// take returns the guest that was used last, whose memory is still in the caches; nil if none
// is idle. The caller holds mu.
func (p *Pool) take() *Guest {
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	g := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return g
}

// wait waits for a change. The caller holds mu, which others get meanwhile.
func (p *Pool) wait() {
	p.waiting++
	p.changed.Wait()
	p.waiting--
}

func (p *Pool) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed.Broadcast()
}

// add makes a guest that has been counted already. Closing what did not come to be cannot
// matter more than why it did not.
func (p *Pool) add(ctx context.Context) {
	g, err := p.make(ctx)
	p.mu.Lock()
	p.failure = err
	p.making--
	p.mu.Unlock()
	if err == nil {
		_ = p.Put(ctx, g)
	} else {
		_ = p.forget(ctx)
	}
}

func (p *Pool) make(ctx context.Context) (*Guest, error) {
	inst, err := p.module.Instantiate(ctx)
	if err != nil {
		return nil, err
	}
	g, err := p.wrap(ctx, inst)
	if err != nil || p.opts.Prepare == nil {
		return g, err
	}
	if err := p.opts.Prepare(ctx, g); err != nil {
		return nil, errors.Join(err, g.Close(ctx))
	}
	g.End()
	return g, nil
}

// wrap makes a configured guest of an instance, or closes it.
func (p *Pool) wrap(ctx context.Context, inst *engine.Instance) (*Guest, error) {
	g, err := New(ctx, inst, p.about, p.opts.Limits)
	if err == nil {
		if err = g.Configure(ctx, p.opts.Config); err == nil {
			return g, nil
		}
	}
	return nil, errors.Join(err, inst.Close(ctx))
}

// Put gives a healthy guest back.
func (p *Pool) Put(ctx context.Context, g *Guest) error {
	g.End()
	p.mu.Lock()
	if p.due(g) {
		p.chores.begin(g)
		p.mu.Unlock()
		go p.tidy(context.WithoutCancel(ctx), g)
		return nil
	}
	return p.keep(ctx, g)
}

// keep has a guest wait for who takes it, or ends it after Close. The caller holds mu, and not any
// more afterwards.
func (p *Pool) keep(ctx context.Context, g *Guest) error {
	if !p.closed {
		p.idle = append(p.idle, g)
		p.changed.Signal()
		p.mu.Unlock()
		return nil
	}
	p.mu.Unlock()
	return errors.Join(g.Close(ctx), p.forget(ctx))
}

// Discard ends a guest and has another one made in its place.
func (p *Pool) Discard(ctx context.Context, g *Guest) error {
	err := g.Close(ctx)
	p.mu.Lock()
	closed := p.closed
	delete(p.chores.spent, g)
	if !closed {
		p.making++
	}
	p.mu.Unlock()
	if closed {
		return errors.Join(err, p.forget(ctx))
	}
	go p.add(context.WithoutCancel(ctx))
	return err
}

// forget uncounts a guest that is gone and closes the module after the last one.
func (p *Pool) forget(ctx context.Context) error {
	p.mu.Lock()
	p.made--
	last := p.closed && p.made == 0
	p.mu.Unlock()
	p.wake()
	if last {
		return p.module.Close(ctx)
	}
	return nil
}

// Close ends idle guests now and busy ones when they come back.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	idle := p.idle
	p.idle, p.closed = nil, true
	close(p.chores.over)
	p.chores.spent = nil
	unused := p.made == 0
	p.mu.Unlock()
	p.wake()
	var errs []error
	for _, g := range idle {
		errs = append(errs, g.Close(ctx), p.forget(ctx))
	}
	if unused {
		errs = append(errs, p.module.Close(ctx))
	}
	return errors.Join(errs...)
}
