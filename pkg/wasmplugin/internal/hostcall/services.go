// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

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
	opts.setNeutral()
	opts.Limits.setDefaults()
	l := &opts.Limits
	return &Services{
		opts: opts, started: opts.Now(),
		lines:  rate.NewLimiter(rate.Limit(l.LogLines), l.LogBurst),
		events: rate.NewLimiter(rate.Limit(l.Events/60), l.EventBurst),
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
