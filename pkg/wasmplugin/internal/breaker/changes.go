// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package breaker

import "sync"

// changes hands changes of state over in their order to a function that may take its time or use the Breaker.
// Whoever finds changes and nobody at it delivers them, also those that others add meanwhile.
type changes struct {
	tell func(from, to State)

	mu         sync.Mutex // guards what follows; taken with the Breaker's held, never the other way round
	waiting    [][2]State
	delivering bool
}

func (c *changes) add(from, to State) {
	if c.tell == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, [2]State{from, to})
}

func (c *changes) deliver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.delivering {
		return
	}
	c.delivering = true
	for len(c.waiting) > 0 {
		next := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.mu.Unlock()
		c.tell(next[0], next[1])
		c.mu.Lock()
	}
	c.delivering = false
}
