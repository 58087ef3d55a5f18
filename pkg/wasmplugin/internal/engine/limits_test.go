// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func metered(t *testing.T, p *wt.Policy, opts engine.Options) *engine.Instance {
	t.Helper()
	wasm, err := meter.Inject(p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return instantiate(t, compile(t, wasm, opts))
}

// counting is a policy whose Filter counts down from n.
func counting(n uint32) *wt.Policy {
	p := wt.NewPolicy()
	p.Funcs = []wt.Func{{
		Params: []byte{wt.I32}, Body: wt.Loop(wt.Param(0), wt.Const(0xffffffff), wt.Add(), wt.Tee(0), wt.BrIf(0)),
	}}
	return p.Body(abi.ExportFilter, wt.Const(n), wt.Call(0), wt.Const(0))
}

// What a call uses is the same whatever it was granted, and however many slices that took; with
// one unit less than it needs it ends.
func TestFuel(t *testing.T) {
	const turns = 3 << 20 // some slices' worth
	inst := metered(t, counting(turns), engine.Options{})
	use := func(fuel int64) int64 {
		inst.Grant(engine.Budget{Fuel: fuel})
		if _, err := inst.Call(t.Context(), abi.ExportFilter); err != nil {
			t.Fatalf("with %d units: %v", fuel, err)
		}
		return inst.Used()
	}
	used := use(1 << 40)
	if used < 4*turns || used > 10*turns {
		t.Errorf("%d turns of five instructions used %d units", turns, used)
	}
	for _, fuel := range []int64{used, used + 1, 2 * used} {
		if again := use(fuel); again != used {
			t.Errorf("with %d units it used %d, want %d", fuel, again, used)
		}
	}
	inst.Grant(engine.Budget{Fuel: used / 2})
	_, err := inst.Call(t.Context(), abi.ExportFilter)
	if !errors.Is(err, engine.ErrFuel) || !strings.Contains(err.Error(), "fuel exhausted in stowage_filter: it may use ") {
		t.Errorf("with half of that: %v, want ErrFuel", err)
	}
}

func TestDeadline(t *testing.T) {
	inst := metered(t, counting(0xffffffff), engine.Options{})
	inst.Grant(engine.Budget{Fuel: 1 << 60, Until: time.Now().Add(20 * time.Millisecond)})
	began := time.Now()
	_, err := inst.Call(t.Context(), abi.ExportFilter)
	if !errors.Is(err, engine.ErrDeadline) {
		t.Errorf("Call = %v, want ErrDeadline", err)
	}
	if took := time.Since(began); took < 20*time.Millisecond {
		t.Errorf("it ended after %v, too early", took)
	}
}

// Guests that never get started end too.
func TestLimitsAtTheStart(t *testing.T) {
	endless := wt.Loop(wt.Br(0))
	for name, change := range map[string]func(*wt.Policy){
		"_initialize": func(p *wt.Policy) { p.Body(abi.ExportInitialize, endless) },
		"start":       func(p *wt.Policy) { p.Funcs, p.Start = []wt.Func{{Body: endless}}, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			p := wt.NewPolicy()
			change(p)
			wasm, err := meter.Inject(p.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			var used int64
			budget := engine.NewMemoryBudget(1<<30, func(n int64) { used = n })
			_, err = compile(t, wasm, engine.Options{Start: 1_000_000, Budget: budget}).Instantiate(t.Context())
			if !errors.Is(err, engine.ErrFuel) || used != 0 {
				t.Errorf("Instantiate = %v with %d bytes still used, want ErrFuel", err, used)
			}
		})
	}
}

func TestStack(t *testing.T) {
	p := wt.NewPolicy()
	p.Funcs = []wt.Func{{Body: wt.Call(0)}}
	inst := metered(t, p.Body(abi.ExportFilter, wt.Call(0), wt.Const(0)), engine.Options{})
	inst.Grant(engine.Budget{Fuel: 1 << 40})
	_, err := inst.Call(t.Context(), abi.ExportFilter)
	wantFault(t, err, engine.ErrStack, "stack overflow in stowage_filter: it calls too deeply")
}

// A guest that was refused memory and ends then ended for want of memory; one that copes did not.
func TestRefusedMemory(t *testing.T) {
	grow := wt.Code(wt.Const(1<<12), wt.Grow(), wt.Drop())
	p := wt.NewPolicy().Body(abi.ExportFilter, grow, wt.Unreachable()).Body(abi.ExportScore, grow, wt.Const(0)).
		Body(abi.ExportPreScore, wt.Unreachable())
	m := compile(t, p.Bytes(), engine.Options{})
	_, err := instantiate(t, m).Call(t.Context(), abi.ExportFilter)
	wantFault(t, err, engine.ErrMemory, "out of memory in stowage_filter: it was refused more than 2162688 bytes: wasm error: unreachable")
	inst := instantiate(t, m)
	if _, err := inst.Call(t.Context(), abi.ExportScore); err != nil {
		t.Errorf("a guest that copes: %v", err)
	}
	inst.Grant(engine.Budget{})
	_, err = inst.Call(t.Context(), abi.ExportPreScore)
	wantFault(t, err, engine.ErrTrap, "trap in stowage_pre_score: wasm error: unreachable")
}

// The memory of all guests counts once, whosever they are, until it is given back; windows do
// not count.
func TestMemoryBudget(t *testing.T) {
	const own = 33 << 16
	var used int64
	budget := engine.NewMemoryBudget(2*own, func(n int64) { used = n })
	m := compile(t, wt.NewPolicy().Bytes(), engine.Options{Budget: budget})
	other := compile(t, wt.NewPolicy().Bytes(), engine.Options{Budget: budget})
	first := instantiate(t, m)
	instantiate(t, other)
	segs, _ := spaces(t, abi.SpaceData, 1)
	if _, err := first.Sync(t.Context(), segs); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(int64(2*own), used); diff != "" {
		t.Errorf("used by two guests (-want,+got):\n%s", diff)
	}
	if _, err := other.Instantiate(t.Context()); !errors.Is(err, engine.ErrMemory) && !errors.Is(err, engine.ErrTrap) {
		t.Errorf("a third guest: %v, want a fault", err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	instantiate(t, other)
	if diff := cmp.Diff(int64(2*own), used); diff != "" {
		t.Errorf("used after one went and one came (-want,+got):\n%s", diff)
	}
}

// A guest may grow by as much as the host has asked it for.
func TestWindowsComeOnTop(t *testing.T) {
	p := wt.NewPolicy()
	// Buffers of windows are made by growing.
	p.Body(abi.ExportBuffer, wt.Param(1), wt.Const(1<<16-1), wt.Add(), wt.Const(16), []byte{0x76}, wt.Grow(), wt.Const(16), wt.ShiftLeft())
	p.Body(abi.ExportFilter, wt.Const(1), wt.Grow())
	inst := instantiate(t, compile(t, p.Bytes(), engine.Options{Memory: 33 << 16}))
	if got, err := inst.Call(t.Context(), abi.ExportFilter); err != nil || got != 0xffffffff {
		t.Errorf("growing before there is a window = %#x, %v, want a refusal", got, err)
	}
	segs, seg := spaces(t, abi.SpaceData, 4)
	bases, err := inst.Sync(t.Context(), segs)
	if err != nil {
		t.Fatal(err)
	}
	write(seg, 5, 'x')
	if _, err := inst.Sync(t.Context(), segs); err != nil {
		t.Fatal(err)
	}
	if b, ok := inst.Bytes(bases[abi.SpaceData]+5, 1); !ok || b[0] != 'x' {
		t.Errorf("the window of %d bytes shows %q, %t", 4*arena.PageSize, b, ok)
	}
}

// Host functions are there, and what they must not be called with is a fault of its own kind.
func TestHostCalls(t *testing.T) {
	p := wt.NewPolicy().Text("hello")
	log := p.Import(abi.ImportModule, abi.ImportLog, 3)
	p.Body(abi.ExportFilter, wt.Const(abi.LogInfo), wt.Const(wt.TextAt), wt.Const(5), wt.Call(log), wt.Const(0))
	p.Body(abi.ExportScore, wt.Const(abi.LogInfo), wt.Const(0xfffffff0), wt.Const(5), wt.Call(log), wt.Const(0))
	var got []string
	services := hostcall.NewServices(hostcall.Options{Log: func(_ uint32, line string) { got = append(got, line) }})
	granted := engine.Options{Services: services, Granted: []string{abi.CapabilityLog}}
	inst := metered(t, p, granted)
	inst.Grant(engine.Budget{Fuel: 1 << 20})
	if _, err := inst.Call(t.Context(), abi.ExportFilter); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"hello"}, got); diff != "" {
		t.Errorf("lines (-want,+got):\n%s", diff)
	}
	if used := inst.Used(); used < 100 {
		t.Errorf("a host call cost %d units", used)
	}
	_, err := inst.Call(t.Context(), abi.ExportScore)
	if !errors.Is(err, engine.ErrHostCall) || !strings.Contains(err.Error(), "host call misuse in stowage_score: log: ") {
		t.Errorf("a line outside of memory: %v, want ErrHostCall", err)
	}
	_, err = metered(t, p, engine.Options{Services: services}).Call(t.Context(), abi.ExportFilter)
	if !errors.Is(err, engine.ErrHostCall) || !strings.Contains(err.Error(), `capability "log" is not granted`) {
		t.Errorf("without the capability: %v, want ErrHostCall", err)
	}
}
