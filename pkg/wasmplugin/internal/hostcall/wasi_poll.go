// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"encoding/binary"
	"math"
)

// Sizes and tags of what poll_oneoff reads and writes.
const (
	subscriptionSize = 48
	eventSize        = 32

	tagClock   = 0
	tagFDRead  = 1
	tagFDWrite = 2

	flagAbsolute = 1
	maxPoll      = 64
)

// pollOneoff (subscriptions, events, count, number of events) never waits. If nothing is ready
// it is as if the time until the first timer had passed.
func pollOneoff(c *Caller, stack []uint64) errno {
	count := uint32(stack[2])
	if count == 0 || count > maxPoll {
		return errnoInval
	}
	in, ok := c.bytes(uint32(stack[0]), count*subscriptionSize)
	if !ok {
		return errnoFault
	}
	out, ok := c.bytes(uint32(stack[1]), count*eventSize)
	if !ok {
		return errnoFault
	}
	c.cost += int64(len(in) + len(out))
	subs := make([]subscription, 0, maxPoll)
	for ; len(in) > 0; in = in[subscriptionSize:] {
		subs = append(subs, c.subscription(in))
	}
	return c.put32(uint32(stack[3]), c.poll(subs, out))
}

// subscription is one thing that a guest waits for.
type subscription struct {
	userdata uint64
	tag      byte
	err      errno
	wait     uint64 // nanoseconds until it is ready
}

func (c *Caller) subscription(b []byte) subscription {
	s := subscription{userdata: binary.LittleEndian.Uint64(b), tag: b[8]}
	id := binary.LittleEndian.Uint32(b[16:])
	switch {
	case s.tag == tagClock && id <= clockMonotonic:
		s.wait = c.until(id, binary.LittleEndian.Uint64(b[24:]), binary.LittleEndian.Uint16(b[40:])&flagAbsolute != 0)
	case s.tag == tagFDRead && id == stdin, s.tag == tagFDWrite && (id == stdout || id == stderr):
	case s.tag == tagFDRead, s.tag == tagFDWrite:
		s.err = errnoBadf
	default:
		s.err = errnoInval
	}
	return s
}

// until is how long it takes until a timer ends.
func (c *Caller) until(id uint32, timeout uint64, absolute bool) uint64 {
	if !absolute {
		return timeout
	}
	return timeout - min(timeout, c.now(id))
}

// poll lets the shortest wait pass and writes the events of what is ready then.
func (c *Caller) poll(subs []subscription, out []byte) (events uint32) {
	shortest := uint64(math.MaxUint64)
	for _, s := range subs {
		shortest = min(shortest, s.wait)
	}
	c.clock.advance(shortest)
	for _, s := range subs {
		if s.wait > shortest {
			continue
		}
		e := out[:eventSize]
		out = out[eventSize:]
		clear(e)
		binary.LittleEndian.PutUint64(e, s.userdata)
		binary.LittleEndian.PutUint16(e[8:], uint16(s.err))
		e[10] = s.tag
		events++
	}
	return events
}
