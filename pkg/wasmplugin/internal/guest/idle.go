// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"errors"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

// What a guest gets for abi.ExportIdle, and when. A collection in it costs what is alive in the
// guest's heap, and is due after what may have been allocated: neither grows with the other.
const (
	// idleAfter is the fuel, in units, that a guest uses in calls before it is asked to idle: half of
	// what one call may use by default, and a few milliseconds. A Go guest allocates some MB in it.
	idleAfter = 5_000_000
	// idleOverdue is after how much it is asked even though somebody waits for it, if there are
	// others to wait for.
	idleOverdue = 4 * idleAfter
	// idleFuel is sixty times what a Go guest takes that has next to nothing in its heap: what is
	// alive there has to be marked with the rest.
	idleFuel = 300_000_000
	// idleTime ends what idleFuel does not, on a machine that is short of CPUs: nobody should miss
	// a guest for longer.
	idleTime = 250 * time.Millisecond
	// idleRest is for how many times as long as a guest idled no other starts to: a policy
	// cannot have its guests burn CPUs that no scheduling attempt asked for.
	idleRest = 9
)

// chores is what a Pool knows of idling. The pool's mutex guards it.
type chores struct {
	// exported is whether the module idles at all; it is constant.
	exported bool
	// spent is the fuel of a guest's calls since it idled, in units.
	spent map[*Guest]int64
	// running is how many guests idle now.
	running int
	// rested is when the next one may.
	rested time.Time
	// over is closed by Close: what still runs need not go on.
	over chan struct{}
}

func newChores(m *engine.Module) chores {
	return chores{exported: m.Exports(abi.ExportIdle), spent: map[*Guest]int64{}, over: make(chan struct{})}
}

// count adds what a guest's latest call used, and returns what it has spent. The latest call of a guest
// that was taken for nothing is counted again: it idles a little earlier.
func (c *chores) count(g *Guest) int64 {
	c.spent[g] += g.Used()
	return c.spent[g]
}

// due tells whether a guest that came back is to idle now. Whoever waits for a guest comes first: they
// have milliseconds, and the last guest that is put back after them idles. Half of the guests do
// not, so that a scheduling attempt that begins finds one. The caller holds mu.
func (p *Pool) due(g *Guest) bool {
	c := &p.chores
	if !c.exported || p.closed {
		return false
	}
	spent := c.count(g)
	switch {
	case spent < idleAfter, c.running >= max(1, p.opts.Size/2), time.Now().Before(c.rested):
		return false
	case p.waiting <= len(p.idle):
		return true
	}
	return spent >= idleOverdue && p.opts.Size > 1
}

// begin counts a guest as idling. It is neither idle nor anybody's meanwhile. The caller holds mu.
func (c *chores) begin(g *Guest) {
	c.running++
	delete(c.spent, g)
}

// end has the pool rest after a guest idled since began. One that broke costs a new one, so it
// counts as if it had taken as long as it may. The caller holds mu.
func (c *chores) end(began time.Time, broke bool) {
	c.running--
	now := time.Now()
	took := now.Sub(began)
	if broke {
		took = max(took, idleTime)
	}
	if rested := now.Add(idleRest * took); rested.After(c.rested) {
		c.rested = rested
	}
}

// tidy has a guest idle and gives it back, or discards it if it breaks. Closing it cannot matter
// more than why it broke.
func (p *Pool) tidy(ctx context.Context, g *Guest) {
	began := time.Now()
	err := g.idle(ctx, p.chores.over)
	p.mu.Lock()
	p.chores.end(began, err != nil)
	if err == nil {
		_ = p.keep(ctx, g)
		return
	}
	p.mu.Unlock()
	_ = p.Discard(ctx, g)
	if p.opts.Faulted != nil && !errors.Is(err, engine.ErrCanceled) {
		p.opts.Faulted(err)
	}
}

// idle lets the guest do what it puts off during calls. What it uses for that is not of a call.
func (g *Guest) idle(ctx context.Context, over <-chan struct{}) error {
	g.inst.Grant(engine.Budget{Fuel: idleFuel, Until: time.Now().Add(idleTime), Done: over})
	defer g.inst.Grant(engine.Budget{})
	_, err := g.call(ctx, abi.ExportIdle)
	return err
}
