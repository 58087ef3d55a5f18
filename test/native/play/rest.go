// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// poll is how often metrics are read while the scheduler works.
const poll = 15 * time.Millisecond

// awaken waits until the scheduler has started and is at rest.
func (p *Player) awaken(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	for {
		_, err := p.metrics.read(ctx)
		if err == nil {
			return p.rest(ctx)
		}
		select {
		case <-p.scheduler.Done():
			return fmt.Errorf("the scheduler ended; its log ends with\n%s", p.scheduler.Tail())
		case <-time.After(5 * poll):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for the scheduler: %w", err)
		}
	}
}

// rest waits until the scheduler is at rest. Metrics are not read in one instant, so it is not believed
// before two readings are the same.
func (p *Player) rest(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	var last reading
	for {
		if err := p.settle(ctx); err != nil {
			return err
		}
		r, err := p.metrics.read(ctx)
		if err != nil {
			return fmt.Errorf("reading the scheduler's metrics: %w", err)
		}
		busy := p.busy(r)
		if busy == "" && maps.Equal(r, last) {
			p.at = r
			p.Rests++
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the scheduler did not come to rest within %v: %s", patience, busy)
		}
		last = r
		if busy != "" {
			time.Sleep(poll)
		}
	}
}

// settle waits until the watches have seen all that they can tell of rest: every pod has a node, or the
// scheduler has said that it found none, and none is ending. It is cheaper than reading metrics.
func (p *Player) settle(ctx context.Context) error {
	return p.store.until(ctx, func(now *snapshot) bool {
		for _, pod := range now.pods {
			if pod.DeletionTimestamp != nil || !held(pod) && pod.Spec.NodeName == "" && cluster.Unschedulable(pod) == "" {
				return false
			}
		}
		return len(now.names) == p.done.created
	})
}

// busy is why the scheduler is not at rest, "" if it is.
func (p *Player) busy(r reading) string {
	var created, waiting, ending, bound, gone int
	p.store.read(func(now *snapshot) {
		created, bound, gone = len(now.names), len(now.nodes), now.gone
		for _, pod := range now.pods {
			if pod.Spec.NodeName == "" {
				waiting++
			}
			if pod.DeletionTimestamp != nil {
				ending++
			}
		}
	})
	for _, c := range []struct {
		what      string
		got, want int
	}{
		{"pods created", created, p.done.created},
		{"pods in activeQ", r.pending("active"), 0},
		{"pods in backoffQ", r.pending("backoff"), 0},
		{"pods that wait", r.pending("unschedulable") + r.pending("gated"), waiting},
		{"pods that end", ending, 0},
		{"pods bound", r.attempts("scheduled"), bound},
		{"pods gone", r.heard("AssignedPodDelete"), gone},
		{"preemptions ended", r.sum("scheduler_preemption_goroutines_execution_total{", ""), r.sum("scheduler_preemption_victims_count", "")},
		{"nodes added", r.heard("NodeAdd"), p.done.nodesAdded},
		{"nodes removed", r.heard("NodeDelete"), p.done.nodesRemoved},
		{"nodes labeled", r.heard("NodeUpdateNodeLabel"), p.done.labels},
		{"nodes tainted", r.heard("NodeUpdateNodeTaint"), p.done.taints},
		{"pods released", r.heard("UnscheduledPodUpdatePodLabel"), p.done.released},
	} {
		if c.got != c.want {
			return fmt.Sprintf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
	return ""
}
