// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package breaker decides whether a policy that has been at fault is asked at all: a circuit breaker for one policy
// of one profile.
//
// It knows nothing of guests or pods: a scheduling attempt is a number, and what a fault happened to is a string.
// A Breaker owns no goroutine and no timer, so that nothing needs closing; time passes when somebody asks. All
// methods may be called concurrently, and asking a closed breaker takes no lock.
package breaker

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// State of a Breaker. The numbers are those of the metric.
type State int32

// States of a Breaker.
const (
	// Closed lets every attempt in.
	Closed State = iota
	// HalfOpen lets one attempt in, the probe.
	HalfOpen
	// Open lets none in.
	Open
)

// String returns the name that logs and events have.
func (s State) String() string {
	return [...]string{"closed", "half-open", "open"}[s]
}

// occasion is when a fault happened: the time, and how many attempts had been let in by then.
type occasion struct {
	at    time.Time
	asked int64
}

// Options of a Breaker.
type Options struct {
	// Faults is the number of different subjects that opens the breaker; 0 for a breaker that never opens.
	Faults int
	// Window is how long a fault counts.
	Window time.Duration
	// Backoff is how long the breaker stays open at first. It doubles with each reopening up to MaxBackoff.
	Backoff, MaxBackoff time.Duration
	// Now defaults to time.Now.
	Now func() time.Time
	// Random returns numbers from 0 up to 1 that spread each backoff by 10 percent to both sides, so that policies
	// that failed together do not come back together. Defaults to a random one.
	Random func() float64
	// Changed, if set, is told of each change of state, one after another in their order. No lock is held, so it
	// may use the Breaker; while it runs, changes that others cause wait for it, but not their callers.
	Changed func(from, to State)
}

// Breaker stops asking a policy that is at fault too often.
//
//	         faults of enough subjects             backoff over, an attempt asks
//	Closed ----------------------------> Open -------------------------------> HalfOpen
//	  ^                                    ^                                     |  |
//	  |                                    +------ the probe is at fault --------+  |
//	  +----------------------------- a later attempt asks --------------------------+
//
// It counts different subjects and not faults. The scheduler retries a pod that it could not place every few
// seconds, so one pod that a policy cannot cope with would soon open a breaker that counts faults: other pods
// would be refused because of it or, where the operator chose to ignore faults, would escape the policy. If the
// policy itself is broken, different pods see that.
//
// And it opens only if faults are not outnumbered: at least half of the attempts since the first fault that
// counts were at fault. Whoever may create pods can create several that a policy cannot cope with; while the
// pods of others pass, these must not be refused because of them.
//
// Attempts are numbered in the order in which they begin, and a scheduler runs one at a time. Therefore nobody
// has to say that a probe ended well: when a later attempt asks, it has, be it that its pod never got as far
// as the guest. That also leaves no probe to wait for that was given up. Attempts that do run beside others, such
// as those that an earlier attempt left behind, are refused while there is a probe, and their faults are ignored.
type Breaker struct {
	opts Options
	// state is written with mu held, and read without by those who find it closed.
	state atomic.Int32
	// asked is how many attempts were let in while it was closed.
	asked   atomic.Int64
	changes changes

	mu sync.Mutex // guards what follows
	// last is the last fault of each subject in the window.
	last map[string]occasion
	// probe is the latest attempt that was one.
	probe uint64
	// backoff is what the breaker was last opened for, before it was spread; until is when that is over.
	backoff time.Duration
	until   time.Time
}

// New returns a closed Breaker.
func New(opts Options) *Breaker {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Float64
	}
	return &Breaker{opts: opts, last: map[string]occasion{}, changes: changes{tell: opts.Changed}}
}

// State returns the current state. An open breaker remains so until somebody asks after the backoff.
func (b *Breaker) State() State { return State(b.state.Load()) }

// Admit tells whether an attempt may enter the guest. Ask before entering it, and not sooner, since to ask may
// make the attempt the probe. Asking again in the same attempt is allowed.
func (b *Breaker) Admit(attempt uint64) bool {
	if b.State() == Closed {
		b.asked.Add(1)
		return true
	}
	return b.consider(attempt)
}

// AdmitBeside is Admit for a call that is made beside attempts, which have more weight: it is not
// counted among those that go well.
func (b *Breaker) AdmitBeside(attempt uint64) bool { return b.State() == Closed || b.consider(attempt) }

func (b *Breaker) consider(attempt uint64) bool {
	b.mu.Lock()
	admitted := b.admit(attempt)
	b.mu.Unlock()
	b.changes.deliver()
	return admitted
}

func (b *Breaker) admit(attempt uint64) bool {
	switch b.State() {
	case Open:
		if b.opts.Now().Before(b.until) {
			return false
		}
		b.probe = attempt
		b.change(HalfOpen)
		return true
	case HalfOpen:
		if attempt > b.probe {
			b.change(Closed)
		}
		return attempt >= b.probe
	default:
		return true
	}
}

// Fault tells that the guest was at fault in an attempt, and what the attempt was about: the pod's UID. Several
// faults of one attempt count as one.
func (b *Breaker) Fault(attempt uint64, subject string) {
	if b.opts.Faults == 0 {
		return
	}
	b.mu.Lock()
	b.fault(attempt, subject)
	b.mu.Unlock()
	b.changes.deliver()
}

func (b *Breaker) fault(attempt uint64, subject string) {
	switch state := b.State(); {
	case state == Open || attempt < b.probe:
		// It began before the guest was last judged.
	case state == HalfOpen:
		if attempt == b.probe {
			b.open(min(2*b.backoff, b.opts.MaxBackoff))
		}
	case b.enough(subject):
		b.open(b.opts.Backoff)
	}
}

// Reset closes it, because another guest is asked from this attempt on: faults of earlier ones are not its.
func (b *Breaker) Reset(attempt uint64) {
	b.mu.Lock()
	clear(b.last)
	b.probe = attempt
	if b.State() != Closed {
		b.change(Closed)
	}
	b.mu.Unlock()
	b.changes.deliver()
}

// enough tells whether the faults in the window suffice, now that this subject saw one.
func (b *Breaker) enough(subject string) bool {
	now := occasion{b.opts.Now(), b.asked.Load()}
	b.last[subject] = now
	first := now.asked
	for s, o := range b.last {
		if now.at.Sub(o.at) >= b.opts.Window {
			delete(b.last, s)
			continue
		}
		first = min(first, o.asked)
	}
	if len(b.last) >= maxSubjects {
		b.forget()
	}
	n := len(b.last)
	return n >= b.opts.Faults && int64(2*n) >= now.asked-first+1
}

// maxSubjects bounds what is remembered, however many pods meet faults without opening it.
const maxSubjects = 1000

// forget drops the subject whose fault is the longest ago.
func (b *Breaker) forget() {
	oldest := ""
	for s, o := range b.last {
		if oldest == "" || o.at.Before(b.last[oldest].at) {
			oldest = s
		}
	}
	delete(b.last, oldest)
}

func (b *Breaker) open(backoff time.Duration) {
	clear(b.last)
	b.backoff = backoff
	b.until = b.opts.Now().Add(time.Duration((0.9 + 0.2*b.opts.Random()) * float64(backoff)))
	b.change(Open)
}

func (b *Breaker) change(to State) {
	b.changes.add(b.State(), to)
	b.state.Store(int32(to))
}
