// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// world is a policy with a clock that the test moves.
type world struct {
	*stowagetest.Harness
	t   *testing.T
	now time.Time
}

// start is when every test begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, config string) *world {
	t.Helper()
	w := &world{t: t, now: start}
	p := newPolicy()
	p.now = func() int64 { return w.now.UnixNano() }
	w.Harness = stowagetest.New(t, p, 0)
	if err := w.Configure(config); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) attempt(namespace string) *stowagetest.Attempt {
	return w.Attempt(stowagetest.MakePod("p").Namespace(namespace), stowagetest.MakeNode("n1"))
}

// start tries to start a pod, as far as the policy lets it.
func (w *world) start(namespace string) (a *stowagetest.Attempt, ok bool) {
	w.t.Helper()
	a = w.attempt(namespace)
	if s := a.PreFilter().Status; s.Code() != stowage.CodeSkip {
		return a, false
	}
	if r := a.Permit("n1"); r != stowage.Allow() {
		w.t.Errorf("PreFilter let the pod pass, Permit says %v", r)
	}
	return a, true
}

// starts is how many of n pods start.
func (w *world) starts(namespace string, n int) (started int) {
	w.t.Helper()
	for range n {
		if _, ok := w.start(namespace); ok {
			started++
		}
	}
	return started
}

func (w *world) want(what string, got, want int) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: want %d to start, got %d", what, want, got)
	}
}

func TestBurstThenPace(t *testing.T) {
	w := newWorld(t, `{"perMinute":6,"burst":3}`)
	w.want("burst", w.starts("a", 5), 3)
	w.want("another namespace", w.starts("b", 5), 3)
	w.pass(10*time.Second - 1)
	w.want("just before the first token", w.starts("a", 2), 0)
	w.pass(1)
	w.want("first token", w.starts("a", 2), 1)
	w.pass(25 * time.Second)
	w.want("two tokens and a half", w.starts("a", 5), 2)
	w.pass(5 * time.Second)
	w.want("the other half", w.starts("a", 5), 1)
	w.pass(time.Hour)
	w.want("a full bucket holds no more than the burst", w.starts("a", 9), 3)
}

func TestNamespacesHaveTheirOwnLimits(t *testing.T) {
	w := newWorld(t, `{"perMinute":60,"burst":5,"namespaces":[{"name":"slow","perMinute":1,"burst":1},{"name":"calm","burst":2}]}`)
	w.want("slow", w.starts("slow", 9), 1)
	w.want("calm", w.starts("calm", 9), 2)
	w.want("others", w.starts("other", 9), 5)
	w.pass(time.Second)
	w.want("slow after a second", w.starts("slow", 9), 0)
	w.want("calm after a second", w.starts("calm", 9), 1)
}

// Nothing but Permit takes a token.
func TestPodsThatFindNoNodeTakeNone(t *testing.T) {
	w := newWorld(t, `{"perMinute":1,"burst":1}`)
	for range 5 {
		if got, want := w.attempt("a").PreFilter().Status, stowage.Skip(); got != want {
			t.Fatalf("want %v, got %v", want, got)
		}
	}
	w.want("then", w.starts("a", 2), 1)
}

func TestTokensComeBack(t *testing.T) {
	w := newWorld(t, `{"perMinute":1,"burst":2}`)
	first, _ := w.start("a")
	second, _ := w.start("a")
	refused, ok := w.start("a")
	if ok {
		t.Fatal("a third pod started")
	}
	refused.Unreserve("n1")
	w.want("a pod without a token gives none back", w.starts("a", 1), 0)
	first.Unreserve("n1")
	second.Unreserve("n1")
	w.want("both came back", w.starts("a", 5), 2)
	w.pass(time.Hour)
	w.want("and do not come back again", w.starts("a", 5), 2)
}

// Between PreFilter and Permit another pod may have taken the token.
func TestPermitDecides(t *testing.T) {
	w := newWorld(t, `{"perMinute":1,"burst":1}`)
	late := w.attempt("a")
	late.PreFilter()
	w.want("the other", w.starts("a", 1), 1)
	want := stowage.Deny(stowage.UnschedulableAndUnresolvable("namespace a starts at most 1 pods per minute, and 1 at once"))
	if got := late.Permit("n1"); got != want {
		t.Errorf("want %v, got %v", want, got)
	}
}

// Each pod is tried again for a token of its own, and within a minute in any case.
func TestTurns(t *testing.T) {
	w := newWorld(t, `{"perMinute":3,"burst":1}`)
	w.starts("a", 1)
	w.pass(5 * time.Second)
	w.starts("a", 4)
	want := []stowage.Duration{15 * stowage.Second, 35 * stowage.Second, 55 * stowage.Second, stowage.Minute}
	if got := w.Effects().Wakes; !slices.Equal(got, want) {
		t.Errorf("want %v, got %v", want, got)
	}
	w.pass(15 * time.Second)
	w.want("the first's turn", w.starts("a", 1), 1)
}

func TestQueueingHint(t *testing.T) {
	w := newWorld(t, `{"perMinute":1,"burst":1}`)
	gone := func(namespace string) stowage.Hint {
		return w.QueueingHint(stowagetest.MakePod("p").Namespace("a"),
			stowagetest.ClusterEvent{Action: stowage.ActionDelete, OldPod: stowagetest.MakePod("o").Namespace(namespace)})
	}
	started, _ := w.start("a")
	for _, step := range []struct {
		namespace string
		giveBack  bool
		want      stowage.Hint
	}{{"a", false, stowage.QueueSkip}, {"b", true, stowage.QueueSkip}, {"a", false, stowage.Queue}} {
		if step.giveBack {
			started.Unreserve("n1")
		}
		if got := gone(step.namespace); got != step.want {
			t.Errorf("%+v: got %v", step, got)
		}
	}
}

// model is a bucket as one would describe it.
type model struct {
	tokens, burst float64
	last          time.Time
}

func (m *model) take(now time.Time, perSecond float64) bool {
	m.tokens = min(m.burst, m.tokens+now.Sub(m.last).Seconds()*perSecond)
	if m.last = now; m.tokens < 1 {
		return false
	}
	m.tokens--
	return true
}

// However pods come, those start that find a token in the bucket.
func TestLikeABucket(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, `{"perMinute":60,"burst":4}`)
		m := model{4, 4, w.now}
		for i := range 300 {
			// A quarter of a second is exact in the model's arithmetic too.
			w.pass(time.Duration(random.IntN(8)) * 250 * time.Millisecond)
			want := m.take(w.now, 1)
			a, got := w.start("a")
			if got != want {
				t.Fatalf("seed %d, step %d: want %v, got %v", seed, i, want, got)
			}
			if got && random.IntN(4) == 0 {
				a.Unreserve("n1")
				m.tokens++
			}
		}
	}
}

func TestConfigProblems(t *testing.T) {
	p := newPolicy()
	err := stowagetest.New(t, p, 0).Configure(`{"perMinute":0,"burst":0,"namespaces":[{"perMinute":1},{"name":"a"},{"name":"a","bust":1}]}`)
	want := `perMinute: must be an integer from 1 to 60000, is 0
burst: must be an integer from 1 to 10000, is 0
namespaces[0].name: must be the name of another namespace, is ""
namespaces[2].name: must be the name of another namespace, is "a"
namespaces[2].bust: unknown field`
	if err == nil || err.Error() != want {
		t.Errorf("want\n%s\ngot\n%v", want, err)
	}
	// What the clock says without the capability.
	p = newPolicy()
	p.now = func() int64 { return time.Date(2022, 1, 1, 0, 0, 1, 0, time.UTC).UnixNano() }
	if err := stowagetest.New(t, p, 0).Configure(`{}`); err == nil || err.Error() != `the policy needs the capability "clock"` {
		t.Errorf("without a clock: got %v", err)
	}
}
