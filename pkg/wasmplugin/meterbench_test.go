// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// BenchmarkMeter compares guests that are metered, and guests that wazero ends when a context is
// done, with guests whose time nothing limits. The three take turns, so that whatever else the
// machine does meets all of them. Where compiled code happens to lie in memory makes a difference
// of several percent, so there are several loads of each; a ratio is the mean of the loads', and
// that of a load is the median of its turns'.
func BenchmarkMeter(b *testing.B) {
	b.Run("tight", func(b *testing.B) {
		wasm := tightLoop()
		compareLimits(b, newHarnessOfBytes(b, wasm, nil), wasm)
	})
	for _, sample := range []string{"zone-affinity", "binpack", "node-number"} {
		dir := "samples/" + sample
		b.Run(sample, func(b *testing.B) { compareLimits(b, newHarnessOn(b, NewHost(), dir, zoned(500)), wt.Build(b, dir)) })
	}
}

// tightLoop counts down in Filter, which is all that the loop does.
func tightLoop() []byte {
	p := wt.NewPolicy()
	p.Descriptor.Points = abi.PointFilter
	p.Funcs = []wt.Func{{
		Params: []byte{wt.I32}, Body: wt.Loop(wt.Param(0), wt.Const(0xffffffff), wt.Add(), wt.Tee(0), wt.BrIf(0)),
	}}
	return p.Body(abi.ExportFilter, wt.Const(1<<21), wt.Call(0), wt.Const(0)).Bytes()
}

// compareLimits has guests of the module do the same for a pod on the harness's nodes.
func compareLimits(b *testing.B, h *harness, wasm []byte) {
	b.Helper()
	p := h.plugin.(interface{ asked() *policy }).asked()
	a := p.begin(preFilterPoint, h.attempt(somePod("p")).state, somePod("p"), h.nodes())
	metered, err := meter.Inject(wasm)
	if err != nil {
		b.Fatal(err)
	}
	var overMetered, overClosing float64
	for range loads {
		variants := []*limited{
			newLimited(b, wasm, engine.Options{}),
			newLimited(b, metered, engine.Options{}),
			newLimited(b, wasm, engine.Options{CloseOnContextDone: true}),
		}
		takeTurns(b, variants, p, a)
		overMetered += variants[1].over(variants[0]) / loads
		overClosing += variants[2].over(variants[0]) / loads
	}
	b.ReportMetric(overMetered, "metered/plain")
	b.ReportMetric(overClosing, "closing/plain")
}

// loads is how often each variant is compiled and instantiated.
const loads = 5

// takeTurns has each variant do its work in turn, b.N times and a tenth more to warm up.
func takeTurns(b *testing.B, variants []*limited, p *policy, a *attempt) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	warmUp := b.N/10 + 1
	for i := range warmUp + b.N {
		for _, l := range variants {
			took := l.turn(ctx, b, p, a)
			if i >= warmUp {
				l.took = append(l.took, took)
			}
		}
	}
}

// asked is the policy, for tests.
func (c common) asked() *policy { return c.policy }

// limited is a guest under one kind of limit.
type limited struct {
	guest *guest.Guest
	took  []time.Duration
}

func newLimited(b *testing.B, wasm []byte, opts engine.Options) *limited {
	b.Helper()
	module, err := engine.Compile(b.Context(), wasm, opts)
	if err != nil {
		b.Fatal(err)
	}
	limits := guest.DefaultLimits
	limits.PerCall = 1 << 40
	pool, err := guest.NewPool(b.Context(), module, guest.Options{Config: []byte("{}"), Limits: limits})
	if err != nil {
		b.Fatal(err)
	}
	g, err := pool.Get(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(pool.Put(context.Background(), g), pool.Close(context.Background())); err != nil {
			b.Error(err)
		}
	})
	return &limited{guest: g}
}

// turn is as much of a scheduling attempt as the policy answers, over and over for some time.
func (l *limited) turn(ctx context.Context, b *testing.B, p *policy, a *attempt) time.Duration {
	b.Helper()
	about, batch := a.module.about, guest.Batch{Slots: p.store.Slots()}
	verdicts, scores := make([]*guest.Verdict, len(batch.Slots)), make([]int64, len(batch.Slots))
	repeat := 1
	if len(batch.Slots) > 3 {
		repeat = 20
	}
	begin := time.Now()
	for range repeat {
		err := l.guest.Begin(ctx, &a.world, &a.cycle, time.Time{})
		if about.Has(abi.PointFilter) {
			err = errors.Join(err, l.guest.Filter(ctx, batch, verdicts))
		}
		if about.Has(abi.PointScore) {
			_, serr := l.guest.Score(ctx, batch, scores)
			err = errors.Join(err, serr)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(begin)
}

// over is the median of the ratios of both guests' turns.
func (l *limited) over(other *limited) float64 {
	var ratios []float64
	for i := range l.took {
		ratios = append(ratios, float64(l.took[i])/float64(other.took[i]))
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}
