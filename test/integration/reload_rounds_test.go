// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// window is a time without reloads and one with them: when each began, and how long attempts and scheduling cycles
// took in them.
type window struct {
	quiet, busy, end time.Time
	without, beside  durations
}

// durations are of attempts, which end when the API server has bound the pod, and of the cycles in them, in which
// the scheduler is on its own.
type durations struct{ attempts, cycles histogram }

func durationsOf(t *testing.T, s *cluster.Scheduler) durations {
	t.Helper()
	metrics := metricsOf(t, s)
	return durations{
		histogramOf(metrics, "scheduler_scheduling_attempt_duration_seconds"),
		histogramOf(metrics, "scheduler_scheduling_algorithm_duration_seconds"),
	}
}

func (d durations) since(before durations) durations {
	return durations{d.attempts.since(before.attempts), d.cycles.since(before.cycles)}
}

func runWindows(t *testing.T, c *cluster.Cluster, s *cluster.Scheduler, plan []*reloaded) (all []window) {
	t.Helper()
	module := [][]byte{gzipped(t, zoneModule(t, 'a', 0)), gzipped(t, zoneModule(t, 'a', 1))}
	for round := settlingRounds; round < reloadRounds; {
		w := window{quiet: time.Now()}
		began := durationsOf(t, s)
		for i := range quietRounds {
			pretendAll(t, c, s, plan, module[i%2])
		}
		w.busy = time.Now()
		turned := durationsOf(t, s)
		for range roundsPerWindow {
			reloadAll(t, s, plan)
			round++
		}
		w.end = time.Now()
		w.without, w.beside = turned.since(began), durationsOf(t, s).since(turned)
		all = append(all, w)
	}
	return all
}

// pretendAll does what reloadAll does but for any reload, so that the two differ in those and not in the work
// of the rest of the control plane: nobody reads the ConfigMap.
func pretendAll(t *testing.T, c *cluster.Cluster, s *cluster.Scheduler, plan []*reloaded, module []byte) {
	t.Helper()
	mapOrigin{c, "decoy"}.put(t, module, nil)
	time.Sleep(time.Duration(len(plan)) * betweenReloads)
	for began := time.Now(); time.Since(began) < longestPoll; time.Sleep(pollPace) {
		mustPolicies(t, s)
	}
}

// reloadAll takes the next step of each policy and waits until something came of all of them.
func reloadAll(t *testing.T, s *cluster.Scheduler, plan []*reloaded) {
	t.Helper()
	before, err := policies(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range plan {
		r.begin(t)
		time.Sleep(betweenReloads)
	}
	asked := time.Now()
	todo := slices.Clone(plan)
	for len(todo) > 0 {
		now, err := policies(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		todo = slices.DeleteFunc(todo, func(r *reloaded) bool { return r.came(before[r.name], now[r.name]) })
		if len(todo) > 0 && time.Since(asked) > longestRound {
			r := todo[0]
			t.Fatalf("nothing came of %q for %s in %v: it is %+v", r.step().name, r.name, longestRound, now[r.name])
		}
		time.Sleep(pollPace)
	}
	for _, r := range plan {
		r.taken++
	}
}

func (r *reloaded) step() step { return r.steps[r.taken%len(r.steps)] }

func (r *reloaded) begin(t *testing.T) {
	t.Helper()
	st := r.step()
	if st.next >= 0 && st.next != r.good() {
		r.swaps++
		r.spans = append(r.spans, span{good: st.next, from: time.Now()})
	}
	st.do(t)
}

// came tells whether the step had its outcome, and notes that.
func (r *reloaded) came(before, now *policyState) bool {
	st := r.step()
	if st.reason != "" {
		if now.Loading.Reason != st.reason || now.Loading.Rejected == before.Loading.Rejected {
			return false
		}
		if r.rejected == nil {
			r.rejected = map[string]int{}
		}
		r.rejected[st.reason]++
		return true
	}
	if now.Loading.State != "Active" || now.Loading.Problem != "" || now.Loading.Activated != r.swaps+1 {
		return false
	}
	if n := len(r.spans); n > 1 && r.spans[n-2].to.IsZero() {
		r.spans[n-2].to = time.Now()
	}
	return true
}
