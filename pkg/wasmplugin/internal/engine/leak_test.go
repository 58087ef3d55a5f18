// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"bytes"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Instances that were closed, faulted or refused leave no memory, mapping or goroutine behind.
func TestNothingLeaks(t *testing.T) {
	p := wt.NewPolicy()
	exit := p.Import(wasi, "proc_exit", 1)
	p.Body(abi.ExportFilter, wt.Unreachable()).Body(abi.ExportScore, wt.Exit(exit, 1))
	bad := wt.NewPolicy().Body(abi.ExportInitialize, wt.Unreachable())
	segs, _ := spaces(t, abi.SpaceData, 2)
	round := func() {
		m, refused := compile(t, p.Bytes(), engine.Options{}), compile(t, bad.Bytes(), engine.Options{})
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

func mappings() int {
	maps, _ := os.ReadFile("/proc/self/maps")
	return bytes.Count(maps, []byte("\n"))
}
