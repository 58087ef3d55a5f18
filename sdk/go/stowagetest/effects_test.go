// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// talker uses all that a policy may ask of the host.
type talker struct{}

func (talker) Configure([]byte) error {
	stowage.Log(stowage.LevelInfo, "configured")
	if stowage.Event(stowage.EventNormal, "Configured", "nobody hears this") {
		return errors.New("an event without a pod was recorded")
	}
	return nil
}

func (talker) Filter(_ *stowage.Cycle, _ *stowage.Pod, n *stowage.Node) stowage.Status {
	stowage.Log(stowage.LevelDebug, "at "+n.Name())
	stowage.Count("nodes_seen", 2)
	stowage.Gauge("last_pod_count", float64(n.PodCount())/2)
	if !stowage.Event(stowage.EventWarning, "Seen", n.Name()) {
		return stowage.Error("the event was dropped")
	}
	return stowage.Success()
}

func TestEffects(t *testing.T) {
	h := stowagetest.New(t, talker{}, 0)
	if err := h.Configure("{}"); err != nil {
		t.Error(err)
	}
	h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("a").PodCount(1), stowagetest.MakeNode("b").PodCount(3))
	want := stowagetest.Effects{
		Log: []stowagetest.Line{
			{Level: stowage.LevelInfo, Text: "configured"},
			{Level: stowage.LevelDebug, Text: "at a"},
			{Level: stowage.LevelDebug, Text: "at b"},
		},
		Counters: map[string]int64{"nodes_seen": 4},
		Gauges:   map[string]float64{"last_pod_count": 1.5},
		Events: []stowagetest.Event{
			{Type: stowage.EventWarning, Reason: "Seen", Note: "a"},
			{Type: stowage.EventWarning, Reason: "Seen", Note: "b"},
		},
	}
	if got := h.Effects(); !reflect.DeepEqual(want, got) {
		t.Errorf("want %+v\ngot  %+v", want, got)
	}
	if got := stowagetest.New(t, talker{}, 0).Effects(); len(got.Log)+len(got.Counters)+len(got.Gauges)+len(got.Events) > 0 {
		t.Errorf("a new Harness starts with %+v", got)
	}
}

// filterFunc is a policy.
type filterFunc func()

func (f filterFunc) Filter(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status {
	f()
	return stowage.Success()
}

// What would be a fault in the scheduler fails the test.
func TestMisuseIsFound(t *testing.T) {
	many := func() {
		for i := range 65 {
			stowage.Gauge(fmt.Sprintf("g%d", i), 1)
		}
	}
	for name, tc := range map[string]struct {
		policy filterFunc
		want   string
	}{
		"level":     {func() { stowage.Log(9, "") }, "Log: there is no level 9"},
		"name":      {func() { stowage.Count("Bad", 1) }, `Count: name is "Bad", want ^[a-z][a-z0-9_]{0,62}$`},
		"line end":  {func() { stowage.Gauge("a\n", 1) }, `Gauge: name is "a\n", want ^[a-z][a-z0-9_]{0,62}$`},
		"delta":     {func() { stowage.Count("a", -1) }, `Count("a"): delta is -1; a counter only grows, use a gauge`},
		"value":     {func() { stowage.Gauge("a", math.NaN()) }, `Gauge("a"): value is NaN, want a finite number`},
		"names":     {many, `Gauge: "g64" is one name too many: a policy may have 64`},
		"event":     {func() { stowage.Event(5, "A", "") }, "Event: there is no type 5"},
		"reason":    {func() { stowage.Event(stowage.EventNormal, "a b", "") }, `Event: reason is "a b", want ^[A-Z][A-Za-z0-9]{0,127}$`},
		"account":   {func() { stowage.Used(0, "a", "cpu") }, "Used: source is 0, which the policy's Needs.Accounts does not have"},
		"object":    {func() { stowage.FindObject(1, "a", "b") }, "FindObject: source is 1, which the policy's Needs.Objects does not have"},
		"key":       {func() { stowage.AllowWaiting(strings.Repeat("k", 257)) }, "AllowWaiting: key has 257 bytes, want at most 256"},
		"shared":    {func() { stowage.SetSharedData("k", make([]byte, 4097)) }, `SetSharedData: value of "k" has 4097 bytes, want at most 4096`},
		"past":      {func() { stowage.Wake(-1) }, "Wake: -1 ns is in the past"},
		"no misuse": {func() { stowage.Event(stowage.EventNormal, "A", "\xff") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			stowagetest.New(r, tc.policy, 0).Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("n"))
			// The node is judged twice, and the second time has the same faults.
			if got, _, _ := strings.Cut(strings.Join(r.errors, "\n"), "\n"); got != tc.want {
				t.Errorf("want %q, got %q", tc.want, got)
			}
		})
	}
}

func TestParallelTestsDoNotMix(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			h := stowagetest.New(t, filterFunc(func() { stowage.Count(fmt.Sprintf("test_%d", i), 1) }), 0)
			for range 50 {
				h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("n"))
			}
			want := map[string]int64{fmt.Sprintf("test_%d", i): 50}
			if got := h.Effects().Counters; !reflect.DeepEqual(want, got) {
				t.Errorf("want %v, got %v", want, got)
			}
		})
	}
}

func TestPanicLeavesTheHarnessUsable(t *testing.T) {
	h := stowagetest.New(t, filterFunc(func() { panic("no") }), 0)
	for range 2 {
		func() {
			defer func() {
				if r := recover(); r != "no" {
					t.Errorf("want the policy's panic, got %v", r)
				}
			}()
			h.Filter(stowagetest.MakePod("p"), stowagetest.MakeNode("n"))
		}()
	}
}

// Without a Harness the functions do no harm.
func TestWithoutHarness(t *testing.T) {
	stowage.Log(stowage.LevelInfo, "this line is part of a test")
	stowage.Count("a", 1)
	stowage.Gauge("a", 1)
	stowage.Wake(stowage.Second)
	if stowage.Event(stowage.EventNormal, "A", "") {
		t.Error("an event was recorded by nobody")
	}
	if n := stowage.Used(0, "a", "cpu") + int64(stowage.WaitingPods("k")+stowage.AllowWaiting("k")+stowage.RejectWaiting("k", "")); n != 0 {
		t.Errorf("nobody's pods use or are %d", n)
	}
	if _, ok := stowage.FindObject(0, "a", "b"); ok {
		t.Error("an object was found nowhere")
	}
	if _, ok := stowage.SharedData("k"); ok || stowage.SetSharedData("k", []byte("v")) {
		t.Error("data was stored nowhere")
	}
}
