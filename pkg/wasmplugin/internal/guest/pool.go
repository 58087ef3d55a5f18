// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"errors"
	"sync"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

// ErrClosed is returned for work that arrives after Close.
var ErrClosed = errors.New("the policy is shut down")

// Pool makes guests of one module with one configuration and keeps idle ones, up to a size.
// Whoever wants one more waits for one to come back, which takes as long as a guest call.
//
// The pool owns the module: after Close both idle and returned guests are closed, and the
// module with the last of them, so Close may race with calls.
type Pool struct {
	module *engine.Module
	about  Description
	config []byte
	size   int

	mu     sync.Mutex // guards all below; never held while a guest runs
	back   sync.Cond  // signalled when a guest came back or was discarded, and at the end
	idle   []*Guest
	made   int // guests that exist, idle or not
	closed bool
}

// NewPool describes and configures a first guest, so that a policy that cannot work is refused
// at once. There will be at most size guests. On success the pool owns the module.
func NewPool(ctx context.Context, m *engine.Module, config []byte, size int) (*Pool, error) {
	p := &Pool{module: m, config: config, size: size}
	p.back.L = &p.mu
	inst, err := m.Instantiate(ctx)
	if err != nil {
		return nil, err
	}
	if p.about, err = Describe(ctx, m, inst); err != nil {
		return nil, errors.Join(err, inst.Close(ctx))
	}
	g, err := p.wrap(ctx, inst)
	if err != nil {
		return nil, err
	}
	p.idle, p.made = []*Guest{g}, 1
	return p, nil
}

// Describe is what the module says about itself.
func (p *Pool) Describe() Description { return p.about }

// Warm makes all guests that there may be, so that no scheduling attempt has to wait for one to
// start.
func (p *Pool) Warm(ctx context.Context) error {
	var all []*Guest
	var errs []error
	for range p.size {
		g, err := p.Get(ctx)
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

// Get takes an idle guest, makes one, or waits for one if there are as many as there may be. Give
// it back with Put, or Discard it after a fault.
func (p *Pool) Get(ctx context.Context) (*Guest, error) {
	if g, err := p.take(); g != nil || err != nil {
		return g, err
	}
	inst, err := p.module.Instantiate(ctx)
	if err == nil {
		var g *Guest
		if g, err = p.wrap(ctx, inst); err == nil {
			return g, nil
		}
	}
	return nil, errors.Join(err, p.forget(ctx))
}

// take returns an idle guest, or nil after counting one that the caller is to make.
func (p *Pool) take() (*Guest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed && len(p.idle) == 0 && p.made == p.size {
		p.back.Wait()
	}
	if p.closed {
		return nil, ErrClosed
	}
	if n := len(p.idle); n > 0 {
		g := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return g, nil
	}
	p.made++
	return nil, nil
}

// wrap makes a configured guest of an instance, or closes it.
func (p *Pool) wrap(ctx context.Context, inst *engine.Instance) (*Guest, error) {
	g, err := New(ctx, inst, p.about)
	if err == nil {
		if err = g.Configure(ctx, p.config); err == nil {
			return g, nil
		}
	}
	return nil, errors.Join(err, inst.Close(ctx))
}

// Put gives a healthy guest back.
func (p *Pool) Put(ctx context.Context, g *Guest) error {
	p.mu.Lock()
	if !p.closed {
		p.idle = append(p.idle, g)
		p.back.Signal()
		p.mu.Unlock()
		return nil
	}
	p.mu.Unlock()
	return p.Discard(ctx, g)
}

// Discard ends a guest.
func (p *Pool) Discard(ctx context.Context, g *Guest) error {
	return errors.Join(g.Close(ctx), p.forget(ctx))
}

// forget uncounts a guest that is gone and closes the module after the last one.
func (p *Pool) forget(ctx context.Context) error {
	p.mu.Lock()
	p.made--
	p.back.Signal()
	last := p.closed && p.made == 0
	p.mu.Unlock()
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
	p.back.Broadcast()
	unused := p.made == 0
	p.mu.Unlock()
	var errs []error
	for _, g := range idle {
		errs = append(errs, p.Discard(ctx, g))
	}
	if unused {
		errs = append(errs, p.module.Close(ctx))
	}
	return errors.Join(errs...)
}
