// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package breaker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a time that only the test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// fixture is a breaker that opens at three subjects in a minute, for 10s at first and 35s at most.
func fixture(random float64) (*Breaker, *clock, *[]string) {
	c, changes := &clock{now: time.Unix(1000, 0)}, new([]string)
	return New(Options{
		Faults: 3, Window: time.Minute, Backoff: 10 * time.Second, MaxBackoff: 35 * time.Second,
		Now: c.Now, Random: func() float64 { return random },
		Changed: func(from, to State) { *changes = append(*changes, fmt.Sprintf("%v to %v", from, to)) },
	}), c, changes
}

// play performs a script of steps, "wait <duration>", "fault <attempt> <subject>" and "ask <attempt>", and
// returns the attempts that were admitted.
func play(t *testing.T, b *Breaker, c *clock, script string) []uint64 {
	t.Helper()
	var admitted []uint64
	for step := range strings.SplitSeq(script, ", ") {
		var attempt uint64
		verb, rest, _ := strings.Cut(step, " ")
		number, subject, _ := strings.Cut(rest, " ")
		if verb == "wait" {
			d, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatal(err)
			}
			c.now = c.now.Add(d)
			continue
		}
		if _, err := fmt.Sscan(number, &attempt); err != nil {
			t.Fatalf("step %q: %v", step, err)
		}
		if verb == "fault" {
			b.Fault(attempt, subject)
		} else if b.Admit(attempt) {
			admitted = append(admitted, attempt)
		}
	}
	return admitted
}

func TestBreaker(t *testing.T) {
	const opened = "fault 1 a, fault 2 b, fault 3 c, "
	tests := map[string]struct {
		script       string
		wantAdmitted []uint64
		wantChanges  []string
	}{
		"closed admits everybody": {
			script: "ask 1, ask 2, ask 2", wantAdmitted: []uint64{1, 2, 2},
		},
		"enough subjects open it": {
			script: opened + "ask 4", wantChanges: []string{"closed to open"},
		},
		"fewer do not": {
			script: "fault 1 a, fault 2 b, ask 3", wantAdmitted: []uint64{3},
		},
		"outnumbered by attempts that went well they do not": {
			script:       "ask 1, fault 1 a, ask 2, ask 3, ask 4, fault 4 b, ask 5, ask 6, ask 7, fault 7 c, ask 8",
			wantAdmitted: []uint64{1, 2, 3, 4, 5, 6, 7, 8},
		},
		"as many as went well they do": {
			script:       "ask 1, fault 1 a, ask 2, ask 3, fault 3 b, ask 4, ask 5, fault 5 c, ask 6",
			wantAdmitted: []uint64{1, 2, 3, 4, 5}, wantChanges: []string{"closed to open"},
		},
		"one subject does not, however often": {
			script: "fault 1 a, fault 2 a, fault 3 a, fault 4 a, fault 5 a, ask 6", wantAdmitted: []uint64{6},
		},
		"several faults of one attempt are one": {
			script: "fault 1 a, fault 1 a, fault 1 a, ask 2", wantAdmitted: []uint64{2},
		},
		"a fault counts just less than the window": {
			script: "fault 1 a, fault 2 b, wait 59.999s, fault 3 c, ask 4", wantChanges: []string{"closed to open"},
		},
		"and no longer": {
			script: "fault 1 a, fault 2 b, wait 60s, fault 3 c, ask 4", wantAdmitted: []uint64{4},
		},
		"the last fault of a subject is what counts": {
			script: "fault 1 a, wait 50s, fault 2 a, fault 3 b, wait 50s, fault 4 c, ask 5", wantChanges: []string{"closed to open"},
		},
		"refuses until the backoff is over": {
			script:       opened + "wait 9.999s, ask 4, wait 1ms, ask 5, ask 5",
			wantAdmitted: []uint64{5, 5}, wantChanges: []string{"closed to open", "open to half-open"},
		},
		"an earlier attempt is refused while the probe runs": {
			script:       opened + "wait 10s, ask 6, ask 5, ask 6",
			wantAdmitted: []uint64{6, 6}, wantChanges: []string{"closed to open", "open to half-open"},
		},
		"a later attempt shows that the probe passed": {
			script:       opened + "wait 10s, ask 4, ask 5, ask 6",
			wantAdmitted: []uint64{4, 5, 6}, wantChanges: []string{"closed to open", "open to half-open", "half-open to closed"},
		},
		"a fault of the probe reopens it for twice as long": {
			script:       opened + "wait 10s, ask 4, fault 4 a, fault 4 a, ask 4, wait 19.999s, ask 5, wait 1ms, ask 6",
			wantAdmitted: []uint64{4, 6},
			wantChanges:  []string{"closed to open", "open to half-open", "half-open to open", "open to half-open"},
		},
		"up to the maximum": {
			script:       opened + "wait 10s, ask 4, fault 4 a, wait 20s, ask 5, fault 5 a, wait 34.999s, ask 6, wait 1ms, ask 7, fault 7 a, wait 35s, ask 8",
			wantAdmitted: []uint64{4, 5, 7, 8},
			wantChanges: []string{
				"closed to open", "open to half-open", "half-open to open", "open to half-open", "half-open to open",
				"open to half-open", "half-open to open", "open to half-open",
			},
		},
		"closing resets the backoff and the count": {
			script:       opened + "wait 10s, ask 4, fault 4 a, wait 20s, ask 5, ask 6, fault 7 x, fault 8 y, ask 9, fault 9 z, wait 9.999s, ask 10, wait 1ms, ask 11",
			wantAdmitted: []uint64{4, 5, 6, 9, 11},
			wantChanges: []string{
				"closed to open", "open to half-open", "half-open to open", "open to half-open", "half-open to closed",
				"closed to open", "open to half-open",
			},
		},
		"late faults while it is open prolong nothing": {
			script:       opened + "wait 5s, fault 1 d, fault 3 e, wait 5s, ask 4",
			wantAdmitted: []uint64{4}, wantChanges: []string{"closed to open", "open to half-open"},
		},
		"late faults do not harm the probe": {
			script:       opened + "wait 10s, ask 4, fault 3 d, fault 2 e, ask 5",
			wantAdmitted: []uint64{4, 5}, wantChanges: []string{"closed to open", "open to half-open", "half-open to closed"},
		},
		"nor count once it is closed again": {
			script:       opened + "wait 10s, ask 4, ask 5, fault 1 d, fault 2 e, fault 3 f, ask 6",
			wantAdmitted: []uint64{4, 5, 6}, wantChanges: []string{"closed to open", "open to half-open", "half-open to closed"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b, c, changes := fixture(0.5)
			if diff := cmp.Diff(tc.wantAdmitted, play(t, b, c, tc.script)); diff != "" {
				t.Errorf("admitted attempts (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantChanges, *changes); diff != "" {
				t.Errorf("changes (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestBackoffIsSpread(t *testing.T) {
	tests := map[string]struct {
		random float64
		want   time.Duration
	}{
		"least": {random: 0, want: 9 * time.Second},
		"most":  {random: 1, want: 11 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b, c, _ := fixture(tc.random)
			play(t, b, c, "fault 1 a, fault 2 b, fault 3 c")
			c.now = c.now.Add(tc.want - time.Millisecond)
			if b.Admit(4) {
				t.Errorf("admitted an attempt before %v", tc.want)
			}
			c.now = c.now.Add(time.Millisecond)
			if !b.Admit(5) {
				t.Errorf("refused an attempt after %v", tc.want)
			}
		})
	}
}

func TestZeroFaultsNeverOpens(t *testing.T) {
	b := New(Options{Window: time.Minute, Backoff: time.Second, MaxBackoff: time.Second})
	for i := range uint64(1000) {
		b.Fault(i, fmt.Sprint(i))
	}
	if !b.Admit(1000) || len(b.last) > 0 {
		t.Errorf("state = %v with %d subjects, want closed with none", b.State(), len(b.last))
	}
}

func TestSubjectsAreBounded(t *testing.T) {
	b, c, _ := fixture(0.5)
	for i := range uint64(10_000) {
		b.Fault(i, fmt.Sprint(i))
		c.now = c.now.Add(25 * time.Second)
		b.Admit(i)
		if len(b.last) > 3 {
			t.Fatalf("remembers %d subjects, want at most 3", len(b.last))
		}
	}
}

// A listener may use the breaker, even so that the state changes again, and still sees changes in their order.
func TestChangedMayUseTheBreaker(t *testing.T) {
	c := &clock{now: time.Unix(1000, 0)}
	var b *Breaker
	var got []string
	b = New(Options{
		Faults: 1, Window: time.Minute, Backoff: time.Second, MaxBackoff: time.Second, Now: c.Now,
		Changed: func(from, to State) {
			if to == Open && len(got) == 0 {
				c.now = c.now.Add(2 * time.Second)
				b.Admit(2)
				b.Admit(3)
			}
			got = append(got, fmt.Sprintf("%v to %v", from, to))
		},
	})
	b.Fault(1, "a")
	if diff := cmp.Diff([]string{"closed to open", "open to half-open", "half-open to closed"}, got); diff != "" {
		t.Errorf("changes (-want,+got):\n%s", diff)
	}
}

func BenchmarkAdmitClosed(b *testing.B) {
	breaker, _, _ := fixture(0.5)
	b.ReportAllocs()
	for b.Loop() {
		breaker.Admit(1)
	}
}

func BenchmarkAdmitOpen(b *testing.B) {
	breaker := New(Options{Faults: 1, Window: time.Minute, Backoff: time.Hour, MaxBackoff: time.Hour})
	breaker.Fault(1, "a")
	b.ReportAllocs()
	for b.Loop() {
		breaker.Admit(2)
	}
}
