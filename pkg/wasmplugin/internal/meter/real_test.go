// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

const goLoops = "pkg/wasmplugin/internal/meter/testdata/loops"

// TestGoGuest runs a stock-Go guest: the same results as without metering, and the same fuel in
// any engine.
func TestGoGuest(t *testing.T) {
	module := wasmtest.Build(t, goLoops)
	metered := inject(t, module)
	want, err := instantiate(t, wazero.NewRuntimeConfigCompiler(), module, 0).call("work", 2)
	if err != nil {
		t.Fatal(err)
	}
	var used []int64
	for _, config := range []wazero.RuntimeConfig{
		wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigInterpreter(),
	} {
		g, err := start(t, config, metered, plenty, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		got, err := g.call("work", 2)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unexpected result (-want,+got):\n%s", diff)
		}
		used = append(used, g.used())
	}
	if used[0] != used[1] || used[0] != used[2] || used[0] < 100_000 {
		t.Errorf("used %d units, want the same number each time", used)
	}
	t.Logf("%d units for starting and two rounds", used[0])
}

// TestInjectTakesNoMoreThanItsShare meters a module of two megabytes.
func TestInjectTakesNoMoreThanItsShare(t *testing.T) {
	module := wasmtest.Build(t, goLoops)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	metered := inject(t, module)
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 20*uint64(len(module)) {
		t.Errorf("metering %d bytes allocated %d", len(module), allocated)
	}
	if len(metered) > len(module)*3/2 {
		t.Errorf("%d bytes became %d", len(module), len(metered))
	}
}

func BenchmarkInject(b *testing.B) {
	module := wasmtest.Build(b, goLoops)
	b.SetBytes(int64(len(module)))
	b.ReportAllocs()
	for b.Loop() {
		inject(b, module)
	}
}
