// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

// Where the tests have subscriptions, events, and their number.
const (
	subscriptionsAt = 0
	eventsAt        = 8192
	numberAt        = 16384
)

type subscription struct {
	userdata uint64
	tag      byte
	id       uint32 // clock or descriptor
	timeout  uint64
	flags    uint16
}

func (s subscription) encode(b []byte) {
	binary.LittleEndian.PutUint64(b, s.userdata)
	b[8] = s.tag
	binary.LittleEndian.PutUint32(b[16:], s.id)
	binary.LittleEndian.PutUint64(b[24:], s.timeout)
	binary.LittleEndian.PutUint16(b[40:], s.flags)
}

type event struct {
	Userdata uint64
	Errno    uint16
	Tag      byte
}

func events(mem memory) (got []event) {
	for i := range mem.u32(numberAt) {
		b := mem[eventsAt+32*i:]
		got = append(got, event{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint16(b[8:]), b[10]})
	}
	return got
}

func TestPoll(t *testing.T) {
	const absolute, second = 1, 1_000_000_000
	for name, tc := range map[string]struct {
		subs   []subscription
		want   []event
		passed uint64
	}{
		"sleep":           {[]subscription{{7, 0, 1, 5 * second, 0}}, []event{{7, 0, 0}}, 5 * second},
		"until":           {[]subscription{{7, 0, 0, epoch + 9*second, absolute}}, []event{{7, 0, 0}}, 9*second - 1_000_000},
		"until long ago":  {[]subscription{{7, 0, 1, 5, absolute}}, []event{{7, 0, 0}}, 0},
		"forever":         {[]subscription{{7, 0, 1, math.MaxUint64, 0}}, []event{{7, 0, 0}}, math.MaxInt64 - epoch - 1_000_000},
		"first of two":    {[]subscription{{1, 0, 1, 2 * second, 0}, {2, 0, 0, second, 0}}, []event{{2, 0, 0}}, second},
		"both":            {[]subscription{{1, 0, 1, second, 0}, {2, 0, 0, second, 0}}, []event{{1, 0, 0}, {2, 0, 0}}, second},
		"streams":         {[]subscription{{1, 1, 0, 0, 0}, {2, 2, 1, 0, 0}, {3, 2, 2, 0, 0}, {4, 0, 1, second, 0}}, []event{{1, 0, 1}, {2, 0, 2}, {3, 0, 2}}, 0},
		"bad descriptors": {[]subscription{{1, 1, 1, 0, 0}, {2, 2, 3, 0, 0}}, []event{{1, badf, 1}, {2, badf, 2}}, 0},
		"bad clock, tag":  {[]subscription{{1, 0, 2, second, 0}, {2, 9, 0, 0, 0}}, []event{{1, inval, 0}, {2, inval, 9}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, mem := guest(forbidden(t))
			before := clock(t, c, mem, 1)
			for i, s := range tc.subs {
				s.encode(mem[subscriptionsAt+48*i:])
			}
			wantErrno(t, c, success, "poll_oneoff", subscriptionsAt, eventsAt, uint64(len(tc.subs)), numberAt)
			if diff := cmp.Diff(tc.want, events(mem)); diff != "" {
				t.Errorf("events (-want,+got):\n%s", diff)
			}
			passed := clock(t, c, mem, 1) - before
			if end := tc.passed+before == math.MaxInt64-epoch; !end {
				passed -= 1_000_000 // the reading itself
			}
			if passed != tc.passed {
				t.Errorf("%d ns passed, want %d", passed, tc.passed)
			}
		})
	}
}

func TestBadPolls(t *testing.T) {
	for name, tc := range map[string]struct {
		args []uint64
		want uint64
	}{
		"nothing":               {[]uint64{0, eventsAt, 0, numberAt}, inval},
		"too many":              {[]uint64{0, eventsAt, 65, numberAt}, inval},
		"endless":               {[]uint64{0, eventsAt, math.MaxUint32, numberAt}, inval},
		"subscriptions outside": {[]uint64{65536 - 47, eventsAt, 1, numberAt}, fault},
		"events outside":        {[]uint64{0, 65536 - 31, 1, numberAt}, fault},
		"number outside":        {[]uint64{0, eventsAt, 1, outside}, fault},
		"most":                  {[]uint64{0, eventsAt, 64, numberAt}, success},
		"on top of each other":  {[]uint64{0, 0, 64, 0}, success},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := guest(hostcall.Options{})
			wantErrno(t, c, tc.want, "poll_oneoff", tc.args...)
		})
	}
}
