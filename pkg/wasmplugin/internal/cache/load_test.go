// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// stages are what a load consists of.
var stages = []string{"verify", "meter", "compile", "start"}

// loadModule is everything from a module's bytes to a configured guest, with the time of each stage.
func loadModule(ctx context.Context, c *cache.Cache, module []byte, opts verify.Options) (took []time.Duration, err error) {
	begin := time.Now()
	lap := func() {
		now := time.Now()
		took, begin = append(took, now.Sub(begin)), now
	}
	report, err := verify.Check(module, opts)
	if err != nil {
		return nil, err
	}
	lap()
	metered, err := meteredModule(c, report.Digest, module, opts.Limits)
	if err != nil {
		return nil, err
	}
	lap()
	compiled, err := engine.Compile(ctx, metered, engine.Options{Cache: c})
	if err != nil {
		return nil, err
	}
	lap()
	pool, err := guest.NewPool(ctx, compiled, guest.Options{Config: []byte("{}")})
	if err != nil {
		return nil, errors.Join(err, compiled.Close(ctx))
	}
	lap()
	return took, pool.Close(ctx)
}

func meteredModule(c *cache.Cache, digest string, module []byte, limits verify.Limits) ([]byte, error) {
	return c.Metered(digest, fmt.Sprintf("%s %+v", meter.Version, limits), func() ([]byte, error) {
		metered, err := meter.Inject(module)
		if err != nil {
			return nil, err
		}
		return metered, verify.CheckMetered(metered, limits)
	})
}

func verification() verify.Options {
	opts := verify.Options{Limits: verify.DefaultLimits()}
	for _, f := range hostcall.Table() {
		opts.Imports = append(opts.Imports, verify.Import{
			Module: f.Module, Name: f.Name, Capability: f.Capability, Params: valTypes(f.Params), Results: valTypes(f.Results),
		})
	}
	return opts
}

func valTypes(types []hostcall.Type) (out []wasm.ValType) {
	for _, t := range types {
		out = append(out, wasm.ValType(t))
	}
	return out
}

// sample is a policy in stock Go.
const sample = "samples/zone-affinity"

// A load that finds everything does not meter, and one that finds nothing gives the same guests.
func TestLoadOfASample(t *testing.T) {
	h, module := newHarness(t, 0), wt.Build(t, sample)
	for range 2 {
		if _, err := loadModule(t.Context(), h.Cache, module, verification()); err != nil {
			t.Fatal(err)
		}
		if n := len(content(t, filepath.Join(h.root(), "entries"))); n != 2 {
			t.Errorf("there are %d entries of one module; want its metered form and its code", n)
		}
	}
	h.wantTold(0, nil)
}

// BenchmarkLoad is loads that find everything, and loads that find nothing in turn with what wazero
// needs to compile the same metered module, on as many processors.
func BenchmarkLoad(b *testing.B) {
	module, opts := wt.Build(b, sample), verification()
	b.Run("warm", func(b *testing.B) {
		c := cache.New(b.TempDir(), cache.Options{Trouble: func(err error) { b.Error(err) }})
		mustLoad(b, c, module, opts)
		var took [][]time.Duration
		for b.Loop() {
			took = append(took, mustLoad(b, c, module, opts))
		}
		reportStages(b, took)
	})
	b.Run("cold", func(b *testing.B) {
		metered, err := meteredModule(nil, "", module, opts.Limits)
		if err != nil {
			b.Fatal(err)
		}
		var took [][]time.Duration
		var over, overSingle []float64
		for b.Loop() {
			c := cache.New(b.TempDir(), cache.Options{Trouble: func(err error) { b.Error(err) }})
			took = append(took, mustLoad(b, c, module, opts))
			all := float64(total(took[len(took)-1]))
			over = append(over, all/float64(compileAlone(b, metered, 2)))
			overSingle = append(overSingle, all/float64(compileAlone(b, metered, 1)))
		}
		reportStages(b, took)
		b.ReportMetric(median(over), "over-compile")
		b.ReportMetric(median(overSingle), "over-compile-single")
	})
}

func mustLoad(b *testing.B, c *cache.Cache, module []byte, opts verify.Options) []time.Duration {
	b.Helper()
	took, err := loadModule(b.Context(), c, module, opts)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

// compileAlone is how long wazero takes for a module, with that many goroutines.
func compileAlone(b *testing.B, metered []byte, workers int) time.Duration {
	b.Helper()
	ctx := experimental.WithCompilationWorkers(b.Context(), workers)
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithDebugInfoEnabled(false))
	begin := time.Now()
	if _, err := r.CompileModule(ctx, metered); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begin)
	if err := r.Close(ctx); err != nil {
		b.Error(err)
	}
	return took
}

// reportStages reports medians, in milliseconds.
func reportStages(b *testing.B, took [][]time.Duration) {
	b.Helper()
	var all []float64
	for i, stage := range stages {
		var each []float64
		for _, t := range took {
			each = append(each, ms(t[i]))
		}
		b.ReportMetric(median(each), stage+"-ms")
	}
	for _, t := range took {
		all = append(all, ms(total(t)))
	}
	b.ReportMetric(median(all), "load-ms")
}

func total(took []time.Duration) (sum time.Duration) {
	for _, t := range took {
		sum += t
	}
	return sum
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
