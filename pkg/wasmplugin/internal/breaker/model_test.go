// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// model is the breaker as one would explain it: it remembers everything and works out the rest.
type model struct {
	opts   Options
	now    time.Time
	faults []fault   // that were counted
	since  time.Time // of the current state
	state  State
	probe  uint64
	failed int // times that it opened since it was last closed
	asked  int // attempts that were let in while it was closed
}

type fault struct {
	at      time.Time
	asked   int
	subject string
}

func (m *model) enter(s State) { m.state, m.since = s, m.now }

func (m *model) backoff() time.Duration {
	d := m.opts.Backoff
	for range m.failed - 1 {
		d *= 2
	}
	return min(d, m.opts.MaxBackoff)
}

func (m *model) admit(attempt uint64) bool {
	closing := m.state != Closed // the attempt that finds that the probe went well is no evidence
	if m.state == HalfOpen && attempt > m.probe {
		m.enter(Closed)
		m.failed, m.faults = 0, nil
	}
	if m.state == Open && m.now.Sub(m.since) >= m.backoff() {
		m.enter(HalfOpen)
		m.probe = attempt
	}
	if m.state == Closed && !closing {
		m.asked++
	}
	return m.state == Closed || m.state == HalfOpen && attempt == m.probe
}

func (m *model) fault(attempt uint64, subject string) {
	if attempt < m.probe || m.state == Open || m.state == HalfOpen && attempt > m.probe {
		return
	}
	m.faults = append(m.faults, fault{m.now, m.asked, subject})
	recent := map[string]int{}
	for _, f := range m.faults {
		if m.now.Sub(f.at) < m.opts.Window {
			recent[f.subject] = f.asked
		}
	}
	first := m.asked
	for _, asked := range recent {
		first = min(first, asked)
	}
	enough := len(recent) >= m.opts.Faults && 2*len(recent) >= m.asked-first+1
	if m.state == HalfOpen || enough {
		m.failed++
		m.enter(Open)
	}
}

// TestBreakerIsTheModel compares both in random histories. Attempts mostly move on, some are late.
func TestBreakerIsTheModel(t *testing.T) {
	visited := map[State]int{}
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		opts := Options{
			Faults: 1 + r.IntN(4), Window: time.Duration(1+r.IntN(20)) * time.Second,
			Backoff: time.Duration(1+r.IntN(5)) * time.Second, Random: func() float64 { return 0.5 },
		}
		opts.MaxBackoff = opts.Backoff * time.Duration(1+r.IntN(6))
		m := &model{opts: opts, now: time.Unix(1000, 0)}
		opts.Now = func() time.Time { return m.now }
		b := New(opts)
		attempt := uint64(3)
		for step := range 300 {
			who := attempt - uint64(max(0, r.IntN(6)-3))
			var did string
			switch r.IntN(4) {
			case 0:
				d := time.Duration(r.IntN(3000)) * time.Millisecond
				m.now, did = m.now.Add(d), fmt.Sprintf("wait %v", d)
			case 1:
				attempt++
			case 2:
				subject := fmt.Sprint(r.IntN(6))
				m.fault(who, subject)
				b.Fault(who, subject)
				did = fmt.Sprintf("fault %d %s", who, subject)
			default:
				want, got := m.admit(who), b.Admit(who)
				if got != want {
					t.Fatalf("seed %d, step %d: Admit(%d) = %v, want %v", seed, step, who, got, want)
				}
			}
			visited[m.state]++
			if b.State() != m.state {
				t.Fatalf("seed %d, step %d, after %q: state = %v, want %v", seed, step, did, b.State(), m.state)
			}
		}
	}
	for _, s := range []State{Closed, HalfOpen, Open} {
		if visited[s] < 10_000 {
			t.Errorf("was %v in %d steps only, want 10000", s, visited[s])
		}
	}
}

// TestHammer uses one breaker from many goroutines: changes arrive one at a time, each beginning where the one
// before ended.
func TestHammer(t *testing.T) {
	var telling atomic.Bool
	seen, state := 0, Closed
	b := New(Options{
		Faults: 2, Window: time.Second, Backoff: time.Microsecond, MaxBackoff: 4 * time.Microsecond,
		Changed: func(from, to State) {
			if telling.Swap(true) {
				t.Error("told of two changes at once")
			}
			if from != state || to == from || from == Closed && to == HalfOpen || from == Open && to == Closed {
				t.Errorf("change from %v to %v in state %v", from, to, state)
			}
			seen, state = seen+1, to
			telling.Store(false)
		},
	})
	var attempts atomic.Uint64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 5000 {
				attempt := attempts.Add(1)
				// Three in four attempts fail, each for another pod, so that it opens whichever way workers take turns.
				if b.Admit(attempt) && i%4 != 0 {
					b.Fault(attempt, fmt.Sprint(attempt))
				}
			}
		})
	}
	wg.Wait()
	if seen < 2 || state != b.State() {
		t.Errorf("told of %d changes up to %v, want at least 2 up to %v", seen, state, b.State())
	}
}
