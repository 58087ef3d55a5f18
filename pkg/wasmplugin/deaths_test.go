// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// killGuests ends guests between any two of their calls until the test is over, so that the next
// call about a pod is made to another one. What the policy decides must not change.
func (h *harness) killGuests() { h.Cleanup(killGuests(h, h.policy())) }

// killGuests ends guests of the policy until the returned function is called.
func killGuests(tb testing.TB, p *policy) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var killing sync.WaitGroup
	killed := 0
	killing.Go(func() {
		for ctx.Err() == nil {
			for _, pool := range p.module.Load().pools() {
				if g := pool.Idle(); g != nil {
					if err := pool.Discard(context.Background(), g); err != nil {
						tb.Error(err)
					}
					killed++
				}
			}
			time.Sleep(rand.N(2 * time.Millisecond))
		}
	})
	return func() {
		cancel()
		killing.Wait()
		if killed < 20 {
			tb.Errorf("only %d guests died: that proves little", killed)
		}
	}
}
