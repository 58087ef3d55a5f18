// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

// recorder is services that write down what they were asked for.
type recorder struct {
	got  []string
	now  time.Time
	full bool
}

func (r *recorder) note(format string, args ...any) {
	r.got = append(r.got, fmt.Sprintf(format, args...))
}

func (r *recorder) options(limits hostcall.Limits) hostcall.Options {
	return hostcall.Options{
		Log:   func(level uint32, line string) { r.note("%d %s", level, line) },
		Count: func(name string, delta int64) bool { r.note("count %s %d", name, delta); return !r.full },
		Gauge: func(name string, value float64) bool { r.note("gauge %s %g", name, value); return !r.full },
		Event: func(subject any, warning bool, reason, note string) {
			r.note("%v %t %s: %s", subject, warning, reason, note)
		},
		Dropped: func(function string) { r.note("dropped %s", function) },
		Now:     func() time.Time { return r.now },
		Limits:  limits,
	}
}

func (r *recorder) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.got); diff != "" {
		t.Errorf("services (-want,+got):\n%s", diff)
	}
	r.got = nil
}

func TestLog(t *testing.T) {
	for name, tc := range map[string]struct {
		level      uint32
		text, want string
	}{
		"a line":           {abi.LogWarning, "hello, wörld", "2 hello, wörld"},
		"nothing":          {abi.LogDebug, "", "0 "},
		"another line":     {abi.LogInfo, "a\nE0101 forged\r\n\x00\x1b[31m\u2028\u0085\tz", "1 a E0101 forged    [31m   z"},
		"hidden text":      {abi.LogInfo, "a\u202egnp\u200b", "1 a gnp "},
		"not UTF-8":        {abi.LogError, "a\xff\xfeb", "3 a??b"},
		"cut":              {abi.LogInfo, strings.Repeat("x", 5000), "1 " + strings.Repeat("x", 4096)},
		"cut in character": {abi.LogInfo, strings.Repeat("x", 4094) + "€", "1 " + strings.Repeat("x", 4094)},
	} {
		t.Run(name, func(t *testing.T) {
			var r recorder
			c, mem := guest(r.options(hostcall.Limits{}), abi.CapabilityLog)
			copy(mem[100:], tc.text)
			if _, err := call(t, c, abi.ImportLog, uint64(tc.level), 100, uint64(len(tc.text))); err != nil {
				t.Fatal(err)
			}
			r.want(t, tc.want)
		})
	}
}

// All instances of a policy share its rate, and the log says what is missing from it.
func TestLogRate(t *testing.T) {
	r := recorder{now: time.Unix(1000, 0)}
	services := hostcall.NewServices(r.options(hostcall.Limits{LogLines: 1, LogBurst: 2, LogBytes: 3}))
	var callers [2]*hostcall.Caller
	for i := range callers {
		callers[i] = hostcall.NewCaller(services, []string{abi.CapabilityLog})
		callers[i].Memory = memory("line")
	}
	log := func(times int) {
		t.Helper()
		for i := range times {
			if _, err := call(t, callers[i%2], abi.ImportLog, 1, 0, 4); err != nil {
				t.Fatal(err)
			}
		}
	}
	const notice = "2 the policy logs more than 1 lines per second; lines dropped since this was last said: "
	log(4)
	r.want(t, "1 lin", "1 lin", "dropped log", notice+"1", "dropped log")
	r.now = r.now.Add(time.Second)
	log(2)
	r.want(t, "1 lin", "dropped log")
	r.now = r.now.Add(10 * time.Second)
	log(1)
	r.want(t, notice+"2", "1 lin")
}

func TestMetrics(t *testing.T) {
	var r recorder
	c, mem := guest(r.options(hostcall.Limits{}), abi.CapabilityMetrics)
	long := "z" + strings.Repeat("_", 61) + "9"
	copy(mem, long)
	count := func(delta int64) {
		t.Helper()
		if _, err := call(t, c, abi.ImportCount, 0, 63, uint64(delta)); err != nil {
			t.Fatal(err)
		}
	}
	gauge := func(value float64) {
		t.Helper()
		if _, err := call(t, c, abi.ImportGauge, 0, 1, math.Float64bits(value)); err != nil {
			t.Fatal(err)
		}
	}
	count(0)
	count(math.MaxInt64)
	gauge(-2.5)
	r.want(t, "count "+long+" 0", "count "+long+" 9223372036854775807", "gauge z -2.5")
	r.full = true
	count(1)
	gauge(1)
	r.want(t, "count "+long+" 1", "dropped count", "gauge z 1", "dropped gauge")
}

func TestEvent(t *testing.T) {
	r := recorder{now: time.Unix(1000, 0)}
	c, mem := guest(r.options(hostcall.Limits{Events: 60, EventBurst: 3}), abi.CapabilityEvents)
	copy(mem, "NoQuota2")
	note := "team a\nhas " + strings.Repeat("é", 500)
	copy(mem[100:], note)
	event := func(kind, length uint64, want uint32) {
		t.Helper()
		if got, err := call(t, c, abi.ImportEvent, kind, 0, 8, 100, length); uint32(got) != want || err != nil {
			t.Errorf("event = %d, %v, want %d", got, err, want)
		}
	}
	event(0, 6, abi.EventDropped) // no pod
	c.Subject = "pod"
	event(0, 6, abi.EventRecorded)
	event(1, uint64(len(note)), abi.EventRecorded)
	event(0, 0, abi.EventRecorded)
	event(0, 6, abi.EventDropped)
	r.now = r.now.Add(time.Second)
	event(0, 6, abi.EventRecorded)
	r.want(t, "dropped event", "pod false NoQuota2: team a", "pod true NoQuota2: team a has "+strings.Repeat("é", 378),
		"pod false NoQuota2: ", "dropped event", "pod false NoQuota2: team a")
}

func TestMisuse(t *testing.T) {
	const name, reason = "want a lowercase letter and at most 62 lowercase letters, digits and _", "want an uppercase letter and at most 127 letters and digits"
	for tname, tc := range map[string]struct {
		text, function string
		args           []uint64
		want           string
	}{
		"log level":      {"", "log", []uint64{4, 0, 0}, "log: level is 4, want 0 to 3"},
		"log outside":    {"", "log", []uint64{0, outside, 100}, "log: line at address 0xfffffff0, 100 bytes long, is outside of memory"},
		"log too long":   {"", "log", []uint64{0, 0, 65537}, "log: line at address 0x0, 65537 bytes long, is outside of memory"},
		"no name":        {"", "count", []uint64{0, 0, 1}, `count: name is "" (0 bytes), ` + name},
		"digit first":    {"9a", "count", []uint64{0, 2, 1}, `count: name is "9a" (2 bytes), ` + name},
		"uppercase":      {"aB", "gauge", []uint64{0, 2, 0}, `gauge: name is "aB" (2 bytes), ` + name},
		"label":          {"a{b=\"c\"}\n", "count", []uint64{0, 9, 1}, `count: name is "a{b=\"c\"} " (9 bytes), ` + name},
		"not UTF-8":      {"a\xff", "count", []uint64{0, 2, 1}, `count: name is "a?" (2 bytes), ` + name},
		"long name":      {strings.Repeat("a", 64), "count", []uint64{0, 64, 1}, `count: name is "` + strings.Repeat("a", 63) + `" (64 bytes), ` + name},
		"name outside":   {"", "gauge", []uint64{outside, 17, 0}, "gauge: name at address 0xfffffff0, 17 bytes long, is outside of memory"},
		"shrinking":      {"a", "count", []uint64{0, 1, math.MaxUint64}, "count: delta of a is -1; a counter only grows, use a gauge"},
		"NaN":            {"a", "gauge", []uint64{0, 1, math.Float64bits(math.NaN())}, "gauge: value of a is NaN, want a finite number"},
		"infinite":       {"a", "gauge", []uint64{0, 1, math.Float64bits(math.Inf(-1))}, "gauge: value of a is -Inf, want a finite number"},
		"event type":     {"A", "event", []uint64{2, 0, 1, 0, 0}, "event: type is 2, want 0 or 1"},
		"reason":         {"Aa_b", "event", []uint64{0, 0, 4, 0, 0}, `event: reason is "Aa_b" (4 bytes), ` + reason},
		"reason outside": {"", "event", []uint64{0, outside, 17, 0, 0}, "event: reason at address 0xfffffff0, 17 bytes long, is outside of memory"},
		"note outside":   {"A", "event", []uint64{0, 0, 1, outside, 17}, "event: note at address 0xfffffff0, 17 bytes long, is outside of memory"},
		"raise":          {"", "proc_raise", []uint64{9}, "proc_raise: signal 9: there are no signals"},
	} {
		t.Run(tname, func(t *testing.T) {
			c, mem := guest(forbidden(t), abi.CapabilityLog, abi.CapabilityMetrics, abi.CapabilityEvents)
			c.Subject = "pod"
			copy(mem, tc.text)
			_, err := call(t, c, tc.function, tc.args...)
			wantMisuse(t, err, tc.want)
		})
	}
}

// A guest that calls before it has a memory, or has none, is no reason to panic.
func TestNoMemory(t *testing.T) {
	c, _ := guest(hostcall.Options{}, abi.CapabilityLog)
	c.Memory = nil
	_, err := call(t, c, abi.ImportLog, 0, 0, 0)
	wantMisuse(t, err, "log: line at address 0x0, 0 bytes long, is outside of memory")
	wantErrno(t, c, fault, "random_get", 0, 0)
}

// Instances of a policy use its services at the same time.
func TestConcurrentUse(t *testing.T) {
	var logged, dropped atomic.Int64
	services := hostcall.NewServices(hostcall.Options{
		Log:     func(uint32, string) { logged.Add(1) },
		Dropped: func(string) { dropped.Add(1) },
		Now:     func() time.Time { return time.Unix(1000, 0) },
	})
	const guests, rounds, burst, notices = 8, 500, 100, 1
	var wg sync.WaitGroup
	for range guests {
		wg.Go(func() {
			c := hostcall.NewCaller(services, []string{abi.CapabilityLog, abi.CapabilityEvents})
			c.Memory = memory("Reason")
			for range rounds {
				if _, err := call(t, c, abi.ImportLog, 1, 0, 6); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := [2]int64{logged.Load(), dropped.Load()}; got != [2]int64{burst + notices, guests*rounds - burst} {
		t.Errorf("%d lines logged and %d dropped, want %d and %d", got[0], got[1], burst+notices, guests*rounds-burst)
	}
}
