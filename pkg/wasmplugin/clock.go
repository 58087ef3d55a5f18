// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"sync"
	"time"
)

// clock is how long guests have run in one scheduling attempt: wall-clock time during which at
// least one of them did. All policies of the attempt share it, so that many that are each a
// little slow do not make a slow scheduler. What the framework does between calls does not count.
type clock struct {
	mu      sync.Mutex // guards all below
	running int
	since   time.Time // when running became more than 0
	used    time.Duration
}

// start begins a call and returns the time, and when the call must be done; ok is false if
// nothing is left of the limit. Each start that is ok needs a stop.
func (c *clock) start(limit time.Duration) (now, until time.Time, ok bool) {
	now = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	used := c.used
	if c.running > 0 {
		used += now.Sub(c.since)
	}
	if used >= limit {
		return now, now, false
	}
	if c.running == 0 {
		c.since = now
	}
	c.running++
	return now, now.Add(limit - used), true
}

func (c *clock) stop(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running--; c.running == 0 {
		c.used += now.Sub(c.since)
	}
}
