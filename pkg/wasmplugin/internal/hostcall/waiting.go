// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

const (
	// maxKey is the most bytes of a key that a policy chooses.
	maxKey = 256
	// maxWhy is how many bytes are kept of why a pod is rejected, as of a verdict's reason.
	maxWhy = 1024
	// Sooner than minWake the pod might not be in the queue yet, and it would keep the scheduler
	// busy; by maxWake the queue has tried it again by itself.
	minWake = 100 * time.Millisecond
	maxWake = time.Hour
)

// waiting (key address, length) -> number of pods.
func waiting(c *Caller, stack []uint64) error {
	key, err := c.key(abi.ImportWaiting, stack)
	if err != nil {
		return err
	}
	stack[0] = uint64(uint32(c.services.opts.Waiting(key)))
	return nil
}

// allow (key address, length) -> number of pods.
func allow(c *Caller, stack []uint64) error {
	key, err := c.key(abi.ImportAllow, stack)
	if err != nil {
		return err
	}
	stack[0] = c.acted(c.services.opts.Allow(key))
	return nil
}

// reject (key address, length, reason address, length) -> number of pods.
func reject(c *Caller, stack []uint64) error {
	key, err := c.key(abi.ImportReject, stack)
	if err != nil {
		return err
	}
	reason, err := c.prose(abi.ImportReject, "reason", stack[2], stack[3], maxWhy)
	if err != nil {
		return err
	}
	stack[0] = c.acted(c.services.opts.Reject(key, clean(reason, maxWhy)))
	return nil
}

// acted charges for what was done to each of n pods, which is known only afterwards.
func (c *Caller) acted(n int) uint64 {
	c.cost += int64(n) * podCost
	return uint64(uint32(n))
}

// key is a key that a policy chose, address and length of which are on the stack. It may be empty.
func (c *Caller) key(function string, stack []uint64) (string, error) {
	c.cost += lookUpCost
	b, err := c.text(function, "key", stack[0], stack[1], maxKey)
	if err != nil {
		return "", err
	}
	if len(b) > maxKey {
		return "", misuse(function, "key %q... has %d bytes, want at most %d", clean(b, maxName), len(b), maxKey)
	}
	return string(b), nil
}

// wake (nanoseconds).
func wake(c *Caller, stack []uint64) error {
	c.cost += podCost
	after := time.Duration(stack[0])
	if after < 0 {
		return misuse(abi.ImportWake, "time is %v, want one from now on", after)
	}
	if c.Subject == nil {
		c.services.opts.Dropped(abi.ImportWake)
		return nil
	}
	c.services.opts.Wake(c.Subject, min(max(after, minWake), maxWake))
	return nil
}
