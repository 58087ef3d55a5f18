// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Options of a policy's Services. Functions may be called from several goroutines and must not
// block; nil ones do nothing.
type Options struct {
	// Log gets a line without line breaks. The level is one of abi.LogDebug to abi.LogError.
	Log func(level uint32, line string)
	// Count and Gauge return false if the policy has too many names already.
	Count func(name string, delta int64) bool
	Gauge func(name string, value float64) bool
	// Event is about Caller.Subject, which is never nil here.
	Event func(subject any, warning bool, reason, note string)
	// Dropped counts calls of a function that came to nothing.
	Dropped func(function string)
	// Now is the time, for guests with abi.CapabilityClock and for rates. Defaults to time.Now.
	Now func() time.Time
	// Random is for guests with abi.CapabilityRandom. Defaults to crypto/rand.
	Random io.Reader

	Limits Limits
}

// Limits of what all instances of a policy do together. Zero means the default.
type Limits struct {
	// LogLines per second, LogBurst at once. Default to 10 and 100.
	LogLines float64
	LogBurst int
	// LogBytes of a line that are kept. Defaults to 4 KiB.
	LogBytes int
	// Events per minute, EventBurst at once. Default to 10 and 10: an event is a write to the
	// API server, which other users share.
	Events     float64
	EventBurst int
}

// noticeEvery is how often the log says how many lines were dropped.
const noticeEvery = 10 * time.Second

// Services is what the host does for a policy.
type Services struct {
	opts    Options
	started time.Time
	lines   *rate.Limiter
	events  *rate.Limiter

	mu      sync.Mutex // guards what follows; never held while a function of opts runs
	dropped int64
	noticed time.Time
}

// NewServices completes the options.
func NewServices(opts Options) *Services {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	setDefaults(&opts)
	l := &opts.Limits
	l.LogLines, l.LogBurst = cmp.Or(l.LogLines, 10), cmp.Or(l.LogBurst, 100)
	l.LogBytes = cmp.Or(l.LogBytes, 4<<10)
	l.Events, l.EventBurst = cmp.Or(l.Events, 10), cmp.Or(l.EventBurst, 10)
	return &Services{
		opts: opts, started: opts.Now(),
		lines:  rate.NewLimiter(rate.Limit(l.LogLines), l.LogBurst),
		events: rate.NewLimiter(rate.Limit(l.Events/60), l.EventBurst),
	}
}

func setDefaults(o *Options) {
	if o.Log == nil {
		o.Log = func(uint32, string) {}
	}
	if o.Count == nil {
		o.Count = func(string, int64) bool { return true }
	}
	if o.Gauge == nil {
		o.Gauge = func(string, float64) bool { return true }
	}
	if o.Event == nil {
		o.Event = func(any, bool, string, string) {}
	}
	if o.Dropped == nil {
		o.Dropped = func(string) {}
	}
}

// allowLine tells whether a line may be logged now. Otherwise it is counted, and from time to
// time the log says so.
func (s *Services) allowLine() bool {
	now := s.opts.Now()
	allowed := s.lines.AllowN(now, 1)
	if !allowed {
		s.opts.Dropped(abi.ImportLog)
	}
	if n := s.notice(now, allowed); n > 0 {
		s.opts.Log(abi.LogWarning, fmt.Sprintf("the policy logs more than %g lines per second; lines dropped since this was last said: %d",
			s.opts.Limits.LogLines, n))
	}
	return allowed
}

// notice returns how many lines to report as dropped: those since the last report, once per
// interval.
func (s *Services) notice(now time.Time, allowed bool) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !allowed {
		s.dropped++
	}
	if s.dropped == 0 || !s.noticed.IsZero() && now.Sub(s.noticed) < noticeEvery {
		return 0
	}
	n := s.dropped
	s.dropped, s.noticed = 0, now
	return n
}
