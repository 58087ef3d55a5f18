// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Instances that were closed, faulted or refused leave no memory, mapping or goroutine behind.
func TestNothingLeaks(t *testing.T) {
	t.Run("compiled", func(t *testing.T) { testLeaks(t, engine.Options{}) })
	t.Run("from a cache", func(t *testing.T) { testLeaks(t, engine.Options{Cache: newCodes(t)}) })
}

func testLeaks(t *testing.T, opts engine.Options) {
	t.Helper()
	p := wt.NewPolicy()
	exit := p.Import(wasi, "proc_exit", 1)
	p.Body(abi.ExportFilter, wt.Unreachable()).Body(abi.ExportScore, wt.Exit(exit, 1))
	bad := wt.NewPolicy().Body(abi.ExportInitialize, wt.Unreachable())
	segs, _ := spaces(t, abi.SpaceData, 2)
	round := func() {
		m, refused := compile(t, p.Bytes(), opts), compile(t, bad.Bytes(), opts)
		for _, export := range []string{abi.ExportPreScore, abi.ExportFilter, abi.ExportScore} {
			inst, err := m.Instantiate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := inst.Sync(t.Context(), segs); err != nil {
				t.Fatal(err)
			}
			_, _ = inst.Call(t.Context(), export) // two of three fault
			if err := inst.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if _, err := refused.Instantiate(t.Context()); err == nil {
			t.Error("the bad guest was instantiated")
		}
		for _, m := range []*engine.Module{m, refused} {
			if err := m.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	round()
	wantNoMore(t, "goroutines", runtime.NumGoroutine, 30, round)
	if _, err := os.Stat("/proc/self/maps"); err == nil {
		wantNoMore(t, "mappings", mappings, 30, round)
	}
}

// wantNoMore sees to it that rounds do not add to a count; things may take a moment to end.
func wantNoMore(t *testing.T, what string, count func() int, rounds int, round func()) {
	t.Helper()
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

// Code is hundreds of times what an instance of a small policy takes; it goes with the module, also
// where it came from a cache.
func TestCodeIsFreed(t *testing.T) {
	p := wt.NewPolicy()
	for range 2000 {
		p.Funcs = append(p.Funcs, wt.Func{Body: wt.Code(wt.Const(1), wt.Drop(), wt.Const(2), wt.Drop())})
	}
	wasm, c := p.Bytes(), newCodes(t)
	round := func() {
		m, err := engine.Compile(t.Context(), wasm, engine.Options{Cache: c})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	round()
	if _, err := os.Stat("/proc/self/maps"); err == nil {
		wantNoMore(t, "mappings of code", codeMappings, 30, round)
	}
	c.want(1, 0)
}

// codeMappings is how many ranges of memory have code that no file has: wazero's.
func codeMappings() (n int) {
	maps, _ := os.ReadFile("/proc/self/maps")
	for line := range strings.Lines(string(maps)) {
		if fields := strings.Fields(line); len(fields) == 5 && strings.Contains(fields[1], "x") {
			n++
		}
	}
	return n
}

func mappings() int {
	maps, _ := os.ReadFile("/proc/self/maps")
	return bytes.Count(maps, []byte("\n"))
}
