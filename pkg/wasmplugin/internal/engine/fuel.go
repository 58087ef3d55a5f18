// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
)

// A guest gets its fuel in slices. Whenever one is used up the guest is in the host for a moment,
// where its deadline is checked and Go's scheduler and garbage collector get their turn, which
// compiled Wasm does not give them. A unit can take a fraction of a nanosecond or, where every
// instruction misses all caches, a hundred of them: so slices start small, and grow or shrink
// towards a duration. How fuel is sliced does not change how much a call uses.
const (
	firstSlice = 1 << 16 // units
	leastSlice = 1 << 12
	mostSlice  = 1 << 22
	// sliceTime is what a slice should take at most.
	sliceTime = time.Millisecond
)

// Budget is what a guest may use until its next Grant.
type Budget struct {
	// Fuel is units, about one for each instruction; see package meter.
	Fuel int64
	// Until is when the guest must be done. The zero time is never.
	Until time.Time
	// Done, if not nil, is closed when the guest need not go on.
	Done <-chan struct{}
}

// gauge is an instance's fuel. The guest counts down in a global, in slices of the budget.
type gauge struct {
	// fuel is nil in a module that is not metered; so is stack.
	fuel, stack api.Global
	granted     int64
	// left is what has not been handed to the guest yet.
	left  int64
	until time.Time
	done  <-chan struct{}
	// slice is how much the guest gets next, and topped when it got the latest.
	slice  int64
	topped time.Time
}

// find looks for the counters in an instance, which may still be starting.
func (g *gauge) find(mod api.Module) {
	g.fuel, g.stack = mod.ExportedGlobal(meter.ExportFuel), mod.ExportedGlobal(meter.ExportStack)
}

// Grant replaces what is left of the budget.
func (i *Instance) Grant(b Budget) {
	g := &i.gauge
	g.granted, g.left, g.until, g.done = b.Fuel, b.Fuel, b.Until, b.Done
	g.slice, g.topped = firstSlice, time.Now()
	i.memory.refused = false
	if g.fuel != nil {
		g.set(0)
		g.top()
	}
}

// Used is how much of the latest Grant was used, in units. A guest may use more than it was
// granted by what it does between two checks.
func (i *Instance) Used() int64 { return i.gauge.granted - i.gauge.left - i.gauge.get() }

func (g *gauge) get() int64 {
	if g.fuel == nil {
		return 0
	}
	return int64(g.fuel.Get())
}

func (g *gauge) set(units int64) { g.fuel.(api.MutableGlobal).Set(uint64(units)) }

// top hands the guest its next slice, which makes up for what it has overdrawn.
func (g *gauge) top() {
	now := g.get()
	more := min(g.left, max(g.slice, g.slice-now))
	g.left -= more
	g.set(now + more)
}

// refuel is what a guest calls whose counter fell below zero. An error ends the guest.
func (g *gauge) refuel(mod api.Module) error {
	if g.fuel == nil {
		g.find(mod)
	}
	now, units := time.Now(), g.get()
	switch {
	case units+g.left < 0:
		return &stopped{ErrFuel, fmt.Errorf("it may use %d units", g.granted)}
	case !g.until.IsZero() && now.After(g.until):
		return &stopped{ErrDeadline, fmt.Errorf("after %d units", g.granted-g.left-units)}
	case closed(g.done):
		return &stopped{ErrCanceled, errors.New("its answer is not needed any more")}
	}
	g.pace(now)
	g.top()
	return nil
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// pace sets the next slice by how long the latest took.
func (g *gauge) pace(now time.Time) {
	took := now.Sub(g.topped)
	g.topped = now
	switch {
	case took > sliceTime:
		g.slice = max(leastSlice, g.slice/4)
	case took < sliceTime/4:
		g.slice = min(mostSlice, g.slice*2)
	}
}

// charge has the guest pay for what a host function did.
func (g *gauge) charge(units int64) {
	if g.fuel != nil {
		g.set(g.get() - units)
	}
}

// stopped is why the host ended a guest from within a host function. Panicking with it is how
// a host function does that; wazero gives it to whoever called the guest.
type stopped struct {
	kind  error
	cause error
}

// Error says why.
func (s *stopped) Error() string { return s.cause.Error() }

// Unwrap gives the cause.
func (s *stopped) Unwrap() error { return s.cause }
