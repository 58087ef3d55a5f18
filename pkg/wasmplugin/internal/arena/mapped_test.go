//go:build linux && !stowage_portable

// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package arena_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
)

func TestLinearNeverMoves(t *testing.T) {
	linear := arena.NewLinear(1 << 30)
	defer linear.Free()
	small := linear.Reallocate(page)
	copy(small, "kept")
	large := linear.Reallocate(64 << 20)
	if &small[0] != &large[0] {
		t.Error("memory moved when it grew")
	}
	wantText(t, large, 0, "kept")
	large[len(large)-1] = 1
	if linear.Reallocate(1<<30+1) != nil {
		t.Error("memory grew past its maximum")
	}
}

func TestLinearOfTheImpossible(t *testing.T) {
	linear := arena.NewLinear(1 << 56)
	if linear.Reallocate(page) != nil {
		t.Error("Reallocate of memory that could not be reserved is not nil")
	}
	linear.Free()
}

func TestFreeTwice(*testing.T) {
	linear := arena.NewLinear(page)
	linear.Free()
	linear.Free()
}

// Views must outlive the host's segment: Close may race with guests that still run.
func TestViewsOutliveTheSegment(t *testing.T) {
	s := segment(t, page)
	write(s, 0, "still here")
	mem := memory(t, page)
	attach(t, s, mem)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantText(t, mem, 0, "still here")
}

// Once a guest wrote to a page it no longer sees the host's writes there, and only there.
func TestOnlyWrittenPagesAreCopied(t *testing.T) {
	s := segment(t, 2*page)
	mem := memory(t, 2*page)
	attach(t, s, mem)
	mem[0] = 'g'
	write(s, 0, "host")
	write(s, page, "host")
	wantText(t, mem, 0, "g\x00\x00\x00")
	wantText(t, mem, page, "host")
}

func TestNothingLeaks(t *testing.T) {
	before := mappings(t)
	for range 100 {
		s := segment(t, 4*page)
		linear := arena.NewLinear(1 << 30)
		v := attach(t, s, linear.Reallocate(8 * page)[2*page:6*page])
		if err := v.Detach(linear.Reallocate(8 * page)[2*page : 6*page]); err != nil {
			t.Fatal(err)
		}
		linear.Free()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := mappings(t); after > before+10 {
		t.Errorf("%d mappings before, %d after", before, after)
	}
}

func mappings(t *testing.T) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(maps, []byte("\n"))
}
