// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// Effects is what a policy did with stowage.Log, Count, Gauge and Event.
type Effects struct {
	Log      []Line
	Counters map[string]int64
	Gauges   map[string]float64
	Events   []Event
	// Wakes are the times of stowage.Wake.
	Wakes []stowage.Duration
	// Allowed and Rejected are what the policy said to pods that wait.
	Allowed  []string
	Rejected []Rejection
}

// Rejection of the pods that wait with a key.
type Rejection struct{ Key, Reason string }

// Line of the log.
type Line struct {
	Level stowage.Level
	Text  string
}

// Event on the pod.
type Event struct {
	Type         stowage.EventType
	Reason, Note string
}

// Effects returns what the policy did since New, except when Filter judged nodes a second time. Calls
// that the scheduler would take for a fault have failed the test.
func (h *Harness) Effects() Effects {
	e := h.host.effects
	return Effects{
		slices.Clone(e.Log), maps.Clone(e.Counters), maps.Clone(e.Gauges), slices.Clone(e.Events),
		slices.Clone(e.Wakes), slices.Clone(e.Allowed), slices.Clone(e.Rejected),
	}
}

// driver runs a policy on a host.
type driver struct {
	hook.Driver
	host *host
}

func (d *driver) Configure(c *hook.Call) (code abi.Code) {
	d.host.noPod = true
	defer func() { d.host.noPod = false }()
	hook.Serve(d.host, func() { code = d.Driver.Configure(c) })
	return code
}

func (d *driver) Run(p abi.Points, c *hook.Call) (code abi.Code) {
	hook.Serve(d.host, func() { code = d.Driver.Run(p, c) })
	return code
}

// host notes what a policy asks for, and fails the test where the scheduler's would end the guest.
type host struct {
	t       testing.TB
	effects Effects
	// noPod is set in Configure, muted while nodes are judged again.
	noPod, muted bool
	cluster      cluster
	needs        stowage.Needs
}

func newHost(t testing.TB) *host {
	return &host{t: t, effects: Effects{Counters: map[string]int64{}, Gauges: map[string]float64{}}, cluster: newCluster()}
}

var (
	goodName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	goodReason = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,127}$`)
)

// maxNames is how many counters, and how many gauges, a policy may have.
const maxNames = 64

func (h *host) Log(level uint32, message string) {
	h.t.Helper()
	if h.muted {
		return
	}
	if level > abi.LogError {
		h.t.Errorf("Log: there is no level %d", level)
	}
	h.t.Logf("%s: %s", stowage.Level(level), message)
	h.effects.Log = append(h.effects.Log, Line{stowage.Level(level), message})
}

func (h *host) Count(name string, delta int64) {
	h.t.Helper()
	if delta < 0 {
		h.t.Errorf("Count(%q): delta is %d; a counter only grows, use a gauge", name, delta)
	}
	if metric(h, "Count", h.effects.Counters, name) {
		h.effects.Counters[name] += delta
	}
}

func (h *host) Gauge(name string, value float64) {
	h.t.Helper()
	if math.IsNaN(value) || math.IsInf(value, 0) {
		h.t.Errorf("Gauge(%q): value is %g, want a finite number", name, value)
	}
	if metric(h, "Gauge", h.effects.Gauges, name) {
		h.effects.Gauges[name] = value
	}
}

// metric tells whether a value is to be noted under the name.
func metric[V any](h *host, function string, known map[string]V, name string) bool {
	h.t.Helper()
	if !goodName.MatchString(name) {
		h.t.Errorf("%s: name is %q, want %s", function, name, goodName)
	}
	_, ok := known[name]
	if !ok && len(known) == maxNames {
		h.t.Errorf("%s: %q is one name too many: a policy may have %d", function, name, maxNames)
		return false
	}
	return !h.muted
}

func (h *host) Event(kind uint32, reason, note string) uint32 {
	h.t.Helper()
	if kind > abi.EventWarning {
		h.t.Errorf("Event: there is no type %d", kind)
	}
	if !goodReason.MatchString(reason) {
		h.t.Errorf("Event: reason is %q, want %s", reason, goodReason)
	}
	if h.noPod {
		return abi.EventDropped
	}
	if !h.muted {
		h.effects.Events = append(h.effects.Events, Event{stowage.EventType(kind), reason, note})
	}
	return abi.EventRecorded
}
