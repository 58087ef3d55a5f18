// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// footprint is what a process holds.
type footprint struct {
	// anonymous is resident memory without that of files, in bytes; mappings is how many there are.
	anonymous, mappings, goroutines int64
}

// restingFootprint waits until no generation is retired any more, and takes the least of several looks with a
// garbage collection before each: what else goes on comes and goes.
func restingFootprint(t *testing.T, s *cluster.Scheduler) footprint {
	t.Helper()
	eventually(t, "all retired generations to be closed", func(ctx context.Context) (bool, error) {
		collectGarbage(t, s)
		all, err := policies(ctx, s)
		if err != nil {
			return false, err
		}
		for _, p := range all {
			if p.Retired > 0 {
				return false, nil
			}
		}
		return true, nil
	})
	least := footprintOf(t, s)
	for range 5 {
		collectGarbage(t, s)
		now := footprintOf(t, s)
		least = footprint{min(least.anonymous, now.anonymous), min(least.mappings, now.mappings), min(least.goroutines, now.goroutines)}
	}
	return least
}

// collectGarbage has the profiler do it, which does so before it writes the heap's profile.
func collectGarbage(t *testing.T, s *cluster.Scheduler) {
	t.Helper()
	if _, err := s.Get(t.Context(), "/debug/pprof/heap?gc=1"); err != nil {
		t.Fatal(err)
	}
}

func footprintOf(t *testing.T, s *cluster.Scheduler) (f footprint) {
	t.Helper()
	rollup, maps := procFile(t, s.Pid(), "smaps_rollup"), procFile(t, s.Pid(), "maps")
	_, rest, _ := strings.Cut(rollup, "\nAnonymous:")
	if _, err := fmt.Sscanf(rest, "%d kB", &f.anonymous); err != nil {
		t.Fatalf("reading anonymous memory: %v", err)
	}
	f.anonymous <<= 10
	f.mappings = int64(strings.Count(maps, "\n"))
	f.goroutines = int64(sumOf(metricsOf(t, s), "go_goroutines"))
	return f
}

func procFile(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bytesPerPod is what a scheduler keeps of a pod that was placed: its event, for minutes, in case that it comes
// again.
const bytesPerPod = 4 << 10

// checkNoGrowth compares the end with the beginning: 5 % more is allowed, what so many pods leave behind, and a
// little that does not depend on how many reloads there were. One generation takes several megabytes.
func checkNoGrowth(t *testing.T, before, after footprint, pods int) {
	t.Helper()
	t.Logf("after the first reloads: %+v, after all: %+v", before, after)
	for _, c := range []struct {
		what               string
		before, after, few int64
	}{
		{"bytes of anonymous memory", before.anonymous, after.anonymous, 8<<20 + int64(pods)*bytesPerPod},
		{"mappings", before.mappings, after.mappings, 20},
		{"goroutines", before.goroutines, after.goroutines, 10},
	} {
		if limit := c.before + c.before/20 + c.few; c.after > limit {
			t.Errorf("%d %s after all reloads, want at most %d: there were %d after the first ones", c.after, c.what, limit, c.before)
		}
	}
}
