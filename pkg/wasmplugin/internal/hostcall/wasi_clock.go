// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"io"
	"math"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Clocks that exist; those of CPU time do not.
const (
	clockRealtime uint32 = iota
	clockMonotonic
)

// A clock without abi.CapabilityClock starts at a fixed time and takes a step per reading, so
// that it never stands still or goes back and a guest measures nothing with it.
const (
	clockEpoch = 1_640_995_200 * uint64(time.Second) // 2022-01-01T00:00:00Z
	clockStep  = uint64(time.Millisecond)
	clockEnd   = math.MaxInt64 - clockEpoch
)

// clock is the time since a guest started, in nanoseconds.
type clock struct {
	elapsed uint64
}

func (t *clock) advance(by uint64) { t.elapsed += min(by, clockEnd-t.elapsed) }

// now is the time on a clock, which must exist.
func (c *Caller) now(id uint32) uint64 {
	elapsed, epoch := c.clock.elapsed, clockEpoch
	if c.granted[abi.CapabilityClock] {
		now := c.services.opts.Now()
		elapsed, epoch = uint64(max(1, now.Sub(c.services.started))), 0
		if id == clockRealtime {
			elapsed = uint64(now.UnixNano())
		}
	}
	if id == clockRealtime {
		elapsed += epoch
	}
	return elapsed
}

// clockTimeGet (clock, precision, address).
func clockTimeGet(c *Caller, stack []uint64) errno {
	id := uint32(stack[0])
	if id > clockMonotonic {
		return errnoInval
	}
	c.clock.advance(clockStep)
	return c.put64(uint32(stack[2]), c.now(id))
}

// clockResGet (clock, address).
func clockResGet(c *Caller, stack []uint64) errno {
	if uint32(stack[0]) > clockMonotonic {
		return errnoInval
	}
	resolution := clockStep
	if c.granted[abi.CapabilityClock] {
		resolution = 1
	}
	return c.put64(uint32(stack[1]), resolution)
}

// maxRandom is the most random bytes of one call: stock Go asks for all that a policy wants at
// once, and ends if it does not get it.
const maxRandom = 1 << 20

// randomCost is what a random byte costs: those of the operating system take so long.
const randomCost = 16

// randomGet (address, length).
func randomGet(c *Caller, stack []uint64) errno {
	if uint32(stack[1]) > maxRandom {
		return errnoInval
	}
	b, ok := c.bytes(uint32(stack[0]), uint32(stack[1]))
	if !ok {
		return errnoFault
	}
	c.cost += randomCost * int64(len(b))
	source := io.Reader(&c.random)
	if c.granted[abi.CapabilityRandom] {
		source = c.services.opts.Random
	}
	if _, err := io.ReadFull(source, b); err != nil {
		return errnoIO
	}
	return errnoSuccess
}
