//go:build linux && !stowage_portable

// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// BenchmarkInstanceMemory reports what guests cost in memory: their own, and their part of the
// arena, whose pages must exist once however many guests have read all of it.
func BenchmarkInstanceMemory(b *testing.B) {
	const nodes, more = 5000, 15
	const dir = "test/guests/zone-resource"
	h := newHarnessOn(b, NewHost(), dir, benchNodes(nodes))
	p := h.plugin.(interface{ asked() *policy }).asked()
	state, pod := framework.NewCycleState(), st.MakePod().Name("p").Label("stowage.dev/zone", "zone-1").Obj()
	a := p.begin(preFilterPoint, state, pod, h.nodes())
	for b.Loop() {
		pool := coldPool(b, h, wasmtest.Build(b, dir), 1+more)
		held := []*guest.Guest{readAll(b, h, p, a, pool)}
		one := memory(b)
		for range more {
			held = append(held, readAll(b, h, p, a, pool))
		}
		all := memory(b)
		for _, g := range held {
			if err := pool.Put(h.ctx, g); err != nil {
				b.Fatal(err)
			}
		}
		if err := pool.Close(h.ctx); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(all.private-one.private)/more, "KiB/instance")
		b.ReportMetric(float64(all.arenaPrivate-one.arenaPrivate)/more, "arena-private-KiB/instance")
		b.ReportMetric(float64(one.arena)*1024/nodes, "arena-B/node")
		b.ReportMetric(float64(all.arena)/float64(one.arena)-1, "arena-growth")
	}
}

// coldPool makes its guests when they are asked for: what they cost is to be measured, so they
// must come after the first measurement.
func coldPool(b *testing.B, h *harness, wasm []byte, size int) *guest.Pool {
	b.Helper()
	metered, err := meter.Inject(wasm)
	if err != nil {
		b.Fatal(err)
	}
	module, err := engine.Compile(h.ctx, metered, engine.Options{})
	if err != nil {
		b.Fatal(err)
	}
	pool, err := guest.NewPool(h.ctx, module, guest.Options{Config: []byte("{}"), Size: size})
	if err != nil {
		b.Fatal(err)
	}
	return pool
}

func benchNodes(n int) []*v1.Node {
	nodes := make([]*v1.Node, n)
	for i := range nodes {
		name := fmt.Sprintf("node-%05d", i)
		nodes[i] = st.MakeNode().Name(name).
			Label(v1.LabelHostname, name).
			Label(v1.LabelTopologyZone, fmt.Sprintf("zone-%d", i%3)).
			Label(v1.LabelTopologyRegion, "region").
			Label(v1.LabelInstanceTypeStable, "size-1").Obj()
	}
	return nodes
}

// readAll takes a guest out of the pool that has decided on and scored every node.
func readAll(b *testing.B, h *harness, p *policy, a *attempt, pool *guest.Pool) *guest.Guest {
	b.Helper()
	g, err := pool.Get(h.ctx)
	if err != nil {
		b.Fatal(err)
	}
	if err := g.Begin(h.ctx, &a.world, &a.cycle, time.Time{}); err != nil {
		b.Fatal(err)
	}
	batch := guest.Batch{Slots: p.store.Slots()}
	if err := g.Filter(h.ctx, batch, make([]*guest.Verdict, len(batch.Slots))); err != nil {
		b.Fatal(err)
	}
	if _, err := g.Score(h.ctx, batch, make([]int64, len(batch.Slots))); err != nil {
		b.Fatal(err)
	}
	return g
}

// usage of memory in KiB.
type usage struct {
	// private is what only this process has outside of the arena.
	private int
	// arena is what the pages of the arena take, each page counted once: Pss divides a page
	// by the number of mappings that have it. arenaPrivate is copies that guests wrote to.
	arena, arenaPrivate int
}

func memory(b *testing.B) (u usage) {
	b.Helper()
	debug.FreeOSMemory()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	inArena := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, rest, _ := strings.Cut(lines.Text(), ":")
		if strings.Contains(key, "-") {
			inArena = strings.Contains(rest, "/memfd:stowage-")
			continue
		}
		var kib int
		if _, err := fmt.Sscanf(rest, "%d kB", &kib); err == nil {
			u.add(inArena, key, kib)
		}
	}
	if err := lines.Err(); err != nil {
		b.Fatal(err)
	}
	return u
}

func (u *usage) add(inArena bool, key string, kib int) {
	switch {
	case inArena && key == "Pss":
		u.arena += kib
	case inArena && key == "Private_Dirty":
		u.arenaPrivate += kib
	case !inArena && (key == "Private_Dirty" || key == "Private_Clean"):
		u.private += kib
	}
}
