// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// reloadSlowdown is by how much reloads may lengthen the slowest in a hundred attempts, and the scheduling cycles in
// them. On an idle machine cycles take some milliseconds, so that one time slice for something else is a
// multiple; attempts wait for the API server too. So much more is no failure. It is below what loading a module
// takes, for which a reload that blocks would hold pods up.
const (
	reloadSlowdown            = 1.5
	slackOfCycle, slackOfCall = 20 * time.Millisecond, 60 * time.Millisecond
)

// checkPace compares the pods beside reloads with those between them, and looks for pauses.
func checkPace(t *testing.T, windows []window, decisions []decision) {
	t.Helper()
	for _, w := range windows {
		quiet, busy := between(decisions, w.quiet, w.busy), between(decisions, w.busy, w.end)
		t.Logf("without reloads: cycles %v, attempts %v, pods from creation to placement p50 %v p99 %v", w.without.cycles, w.without.attempts,
			percentile(quiet, 50), percentile(quiet, 99))
		t.Logf("beside reloads: cycles %v, attempts %v, pods from creation to placement p50 %v p99 %v", w.beside.cycles, w.beside.attempts,
			percentile(busy, 50), percentile(busy, 99))
	}
	checkSlowdown(t, "cycles", windows, slackOfCycle, func(d durations) histogram { return d.cycles })
	checkSlowdown(t, "attempts", windows, slackOfCall, func(d durations) histogram { return d.attempts })
	gap := longestGap(decisions)
	t.Logf("longest pause %v", gap)
	if gap > longestPause {
		t.Errorf("no pod was placed for %v, want at most %v", gap, longestPause)
	}
}

// checkSlowdown takes the median of windows, because something else may use the machine during some of them.
func checkSlowdown(t *testing.T, what string, windows []window, slack time.Duration, of func(durations) histogram) {
	t.Helper()
	var without, beside []time.Duration
	for _, w := range windows {
		without, beside = append(without, of(w.without).quantile(0.99)), append(beside, of(w.beside).quantile(0.99))
	}
	quiet, busy := median(without), median(beside)
	t.Logf("p99 of %s in the median of windows: %v without reloads, %v beside them", what, quiet, busy)
	if limit := max(time.Duration(reloadSlowdown*float64(quiet)), quiet+slack); busy > limit {
		t.Errorf("p99 of %s beside reloads is %v, want at most %v: it is %v without them", what, busy, limit, quiet)
	}
}

// checkPlaces looks whether each policy's part in a decision is that of a generation which may have been asked.
func checkPlaces(t *testing.T, plan []*reloaded, decisions []decision) {
	t.Helper()
	seen := map[string]int{}
	for _, d := range decisions {
		wants := strings.TrimPrefix(d.node, "n")
		seen[wants[:len(plan)]]++
		for k, r := range plan {
			if !r.known(int(wants[k]-'0'), d.asked, d.seen) {
				t.Errorf("pod %s went to %s between %v and %v, which no generation of %s wants that was there then",
					d.pod, d.node, d.asked.Format(time.StampMilli), d.seen.Format(time.StampMilli), r.name)
			}
		}
	}
	t.Logf("%d pods, by what the policies wanted: %v", len(decisions), seen)
}

// checkAttempts wants one attempt for each pod, which placed it.
func checkAttempts(t *testing.T, s *cluster.Scheduler, pods int) {
	t.Helper()
	metrics := metricsOf(t, s)
	got := map[string]int{}
	for _, result := range []string{"scheduled", "unschedulable", "error"} {
		got[result] = int(sumOf(metrics, "scheduler_schedule_attempts_total", fmt.Sprintf("result=%q", result)))
	}
	if diff := cmp.Diff(map[string]int{"scheduled": pods, "unschedulable": 0, "error": 0}, got); diff != "" {
		t.Errorf("attempts by result (-want,+got):\n%s", diff)
	}
	if faults := sumOf(metrics, "stowage_policy_faults_total"); faults != 0 {
		t.Errorf("%v faults of policies, want none:\n%s", faults, lines(metrics, "stowage_policy_faults_total{"))
	}
}

// checkReloadMetrics wants what was done to be counted. A source that cannot be reached is counted again when the
// reason changes, which depends on when it is asked.
func checkReloadMetrics(t *testing.T, s *cluster.Scheduler, plan []*reloaded) {
	t.Helper()
	metrics := metricsOf(t, s)
	total := 0
	for _, r := range plan {
		total += r.taken
		want, got := map[string]int{"activated": r.swaps + 1}, map[string]int{}
		maps.Copy(want, r.rejected)
		policy := fmt.Sprintf("policy=%q", r.name)
		count := func(labels ...string) int {
			return int(sumOf(metrics, "stowage_policy_reloads_total", append(labels, policy)...))
		}
		got["activated"] = count(`result="activated"`)
		for reason := range want {
			if reason != "activated" {
				got[reason] = count(`result="rejected"`, fmt.Sprintf("reason=%q", reason))
			}
		}
		if got["fetch"] > want["fetch"] {
			got["fetch"] = want["fetch"]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("reloads of %s (-want,+got):\n%s\n%s", r.name, diff, lines(metrics, "stowage_policy_reloads_total{"))
		}
	}
	t.Logf("%d reloads", total)
	if retired := sumOf(metrics, "stowage_policy_retired_generations"); retired != 0 {
		t.Errorf("%v generations are retired and not closed, want none", retired)
	}
}
