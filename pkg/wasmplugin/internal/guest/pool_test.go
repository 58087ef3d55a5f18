// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// faulty passes every node but traps in Score.
func faulty() *wt.Policy { return wt.NewPolicy().Body(abi.ExportScore, wt.Unreachable()) }

func owned(t *testing.T, p *wt.Policy) *guest.Pool {
	t.Helper()
	m, err := engine.Compile(t.Context(), p.Bytes(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := guest.NewPool(t.Context(), m, guest.Options{Size: 8})
	if err != nil {
		t.Fatal(errors.Join(err, m.Close(t.Context())))
	}
	return pool
}

func TestPoolKeepsIdleGuests(t *testing.T) {
	pool := owned(t, faulty())
	get := func() *guest.Guest {
		g, err := pool.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	first, second := get(), get()
	if first == second {
		t.Error("two callers share a guest")
	}
	if err := pool.Put(t.Context(), first); err != nil {
		t.Error(err)
	}
	if get() != first {
		t.Error("the idle guest was not used")
	}
	for _, g := range []*guest.Guest{first, second} {
		if err := pool.Discard(t.Context(), g); err != nil {
			t.Error(err)
		}
	}
	if third := get(); third == first || third == second {
		t.Error("a discarded guest came back")
	} else if err := pool.Put(t.Context(), third); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := pool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := pool.Get(t.Context()); !errors.Is(err, guest.ErrClosed) {
		t.Errorf("Get after Close: %v, want ErrClosed", err)
	}
}

// A guest that is out while the pool closes can still be called.
func TestPoolClosesWhileGuestsAreOut(t *testing.T) {
	for name, giveBack := range map[string]func(*guest.Pool, context.Context, *guest.Guest) error{
		"put": (*guest.Pool).Put, "discard": (*guest.Pool).Discard,
	} {
		t.Run(name, func(t *testing.T) {
			pool := owned(t, faulty())
			g, err := pool.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := pool.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			begin(t, g, &guest.Cycle{ID: 1, Pod: make([]byte, 8)})
			if _, err := filter(t, g); err != nil {
				t.Errorf("Filter after Close: %v", err)
			}
			if err := giveBack(pool, t.Context(), g); err != nil {
				t.Error(err)
			}
			if _, err := g.PreFilter(t.Context(), three); err == nil {
				t.Error("a guest that was given back to a closed pool still runs")
			}
		})
	}
}

// The module goes with the last guest, not before and not later.
func TestPoolClosesItsModule(t *testing.T) {
	m, err := engine.Compile(t.Context(), faulty().Bytes(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := guest.NewPool(t.Context(), m, guest.Options{Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	idle, err := pool.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := pool.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pool.Put(t.Context(), idle), pool.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if inst, err := m.Instantiate(t.Context()); err != nil {
		t.Errorf("the module closed while a guest was out: %v", err)
	} else if err := inst.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := pool.Put(t.Context(), out); err != nil {
		t.Error(err)
	}
	if _, err := m.Instantiate(t.Context()); err == nil {
		t.Error("the module is still open after the last guest came back")
	}
}

func TestPoolUnderManyWorkers(t *testing.T) {
	pool := owned(t, faulty())
	var workers sync.WaitGroup
	for w := range 16 {
		workers.Go(func() { hammer(t, pool, w) })
	}
	time.Sleep(200 * time.Millisecond)
	if err := pool.Close(t.Context()); err != nil {
		t.Error(err)
	}
	workers.Wait()
}

// hammer works as a scheduler's worker does until the pool is closed.
func hammer(t *testing.T, pool *guest.Pool, worker int) {
	for i := 0; ; i++ {
		g, err := pool.Get(t.Context())
		if errors.Is(err, guest.ErrClosed) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		give := pool.Put
		if work(t, g, uint64(worker+100*i)) != nil {
			give = pool.Discard
		}
		if err := give(t.Context(), g); err != nil {
			t.Error(err)
			return
		}
	}
}

// work evaluates nodes and now and then runs into the fault.
func work(t *testing.T, g *guest.Guest, id uint64) error {
	cycle := &guest.Cycle{ID: id, Pod: make([]byte, 8)}
	if err := g.Begin(t.Context(), &guest.World{}, cycle, time.Time{}); err != nil {
		return err
	}
	out := make([]*guest.Verdict, len(three.Slots))
	if err := g.Filter(t.Context(), three, out); err != nil {
		t.Error(err)
	}
	if id%5 > 0 {
		return nil
	}
	_, err := g.Score(t.Context(), three, make([]int64, 3))
	if !errors.Is(err, engine.ErrTrap) {
		t.Errorf("Score = %v, want a trap", err)
	}
	return err
}

// Whatever happens to guests, closing the pool gives everything back.
func TestPoolLeaksNothing(t *testing.T) {
	round := func() {
		pool := owned(t, faulty())
		for id := range uint64(6) {
			g, err := pool.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if work(t, g, id) != nil {
				err = pool.Discard(t.Context(), g)
			} else {
				err = pool.Put(t.Context(), g)
			}
			if err != nil {
				t.Error(err)
			}
		}
		if err := pool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	round()
	wantNoMore(t, "goroutines", runtime.NumGoroutine, round)
	if _, err := os.Stat("/proc/self/maps"); err == nil {
		wantNoMore(t, "mappings", mappings, round)
	}
}

// wantNoMore sees to it that rounds do not add to a count; things may take a moment to end.
func wantNoMore(t *testing.T, what string, count func() int, round func()) {
	t.Helper()
	const rounds = 30
	before := count()
	for range rounds {
		round()
	}
	after := count()
	for range 50 {
		if after <= before+rounds/3 {
			return
		}
		runtime.GC() // finalizers unmap compiled code
		time.Sleep(20 * time.Millisecond)
		after = count()
	}
	t.Errorf("%d %s before, %d after %d rounds", before, what, after, rounds)
}

func mappings() int {
	maps, _ := os.ReadFile("/proc/self/maps")
	return bytes.Count(maps, []byte("\n"))
}
