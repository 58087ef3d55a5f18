// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// killGuests ends guests between any two of their calls until the test is over, so that the next
// call about a pod is made to another one. What the policy decides must not change.
func (h *harness) killGuests() {
	h.Helper()
	p := h.plugin.(policyHolder).policyOf()
	ctx, stop := context.WithCancel(context.Background())
	var killing sync.WaitGroup
	killing.Go(func() {
		for ctx.Err() == nil {
			for _, pool := range p.module.Load().pools() {
				if g := pool.Idle(); g != nil {
					if err := pool.Discard(context.Background(), g); err != nil {
						h.Error(err)
					}
					h.killed.Add(1)
				}
			}
			time.Sleep(rand.N(2 * time.Millisecond))
		}
	})
	h.Cleanup(func() {
		stop()
		killing.Wait()
		if n := h.killed.Load(); n < 20 {
			h.Errorf("only %d guests died", n)
		}
	})
}
