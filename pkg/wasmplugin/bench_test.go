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

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// BenchmarkInstanceMemory reports what guests cost in memory: their own, and their part of the
// arena, whose pages must exist once however many guests have read all of it.
func BenchmarkInstanceMemory(b *testing.B) {
	const nodes, more = 5000, 15
	h := newHarnessOn(b, &Host{guests: 1 + more}, "test/guests/zone-resource", benchNodes(nodes))
	p := h.plugin.(*filterScorePlugin).common.policy
	state, pod := framework.NewCycleState(), st.MakePod().Name("p").Label("stowage.dev/zone", "zone-1").Obj()
	a, err := p.begin(state, pod, h.nodes())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		discard(b, h, p, 1+more)
		held := []*guest.Guest{readAll(b, h, p, a)}
		one := memory(b)
		for range more {
			held = append(held, readAll(b, h, p, a))
		}
		all := memory(b)
		for _, g := range held {
			if err := p.pool.Put(h.ctx, g); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(all.private-one.private)/more, "KiB/instance")
		b.ReportMetric(float64(all.arenaPrivate-one.arenaPrivate)/more, "arena-private-KiB/instance")
		b.ReportMetric(float64(one.arena)*1024/nodes, "arena-B/node")
		b.ReportMetric(float64(all.arena)/float64(one.arena)-1, "arena-growth")
	}
}

// discard ends the guests that the policy has made ahead: what they cost is to be measured, so
// they must come after the first measurement.
func discard(b *testing.B, h *harness, p *policy, made int) {
	b.Helper()
	var held []*guest.Guest
	for range made {
		g, err := p.pool.Get(h.ctx)
		if err != nil {
			b.Fatal(err)
		}
		held = append(held, g)
	}
	for _, g := range held {
		if err := p.pool.Discard(h.ctx, g); err != nil {
			b.Fatal(err)
		}
	}
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
func readAll(b *testing.B, h *harness, p *policy, a *attempt) *guest.Guest {
	b.Helper()
	g, err := p.pool.Get(h.ctx)
	if err != nil {
		b.Fatal(err)
	}
	if err := g.Begin(h.ctx, &a.world, &a.cycle); err != nil {
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
