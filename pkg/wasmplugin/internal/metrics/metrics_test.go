// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/component-base/metrics/legacyregistry"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/metrics"
)

var tests atomic.Int64

// policy is one that no other test counts for.
func policy() (*metrics.Policy, string) {
	name := fmt.Sprintf("policy-%d", tests.Add(1))
	return metrics.For("stowage", name), name
}

// gathered is the series of a policy, as the scheduler serves them, without the labels of profile and policy.
// Of a histogram it has count and sum.
func gathered(t *testing.T, policy string) map[string]float64 {
	t.Helper()
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			series, mine := f.GetName(), false
			if !strings.HasPrefix(series, "stowage_policy_") {
				continue
			}
			for _, l := range m.GetLabel() {
				switch l.GetName() {
				case "policy":
					mine = l.GetValue() == policy
				case "profile":
					if l.GetValue() != "stowage" {
						t.Errorf("%s has profile %q", f.GetName(), l.GetValue())
					}
				default:
					series += " " + l.GetName() + "=" + l.GetValue()
				}
			}
			if !mine {
				continue
			}
			if h := m.GetHistogram(); h != nil {
				got[series+" count"], got[series+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
				continue
			}
			got[series] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return got
}

func TestPolicyMetrics(t *testing.T) {
	p, name := policy()
	p.Point("Filter").Observe("ok", 250*time.Millisecond, 1000)
	p.Point("Filter").Observe("ok", 500*time.Millisecond, 500)
	p.Point("Filter").Observe("fault", 0, -1)
	p.Fault("Filter", "trap")
	p.Monitored("Score", "rejected")
	p.Monitored("Score", "rejected")
	p.Breaker(2)
	p.Instances(3)
	p.Dropped("log")
	got := []bool{p.Count("pods_seen", 5), p.Count("pods_seen", 2), p.Count("pods_seen", -1), p.Gauge("load", -0.5)}
	if diff := cmp.Diff([]bool{true, true, false, true}, got); diff != "" {
		t.Errorf("counted (-want,+got):\n%s", diff)
	}
	want := map[string]float64{
		"stowage_policy_calls_total point=Filter result=ok":            2,
		"stowage_policy_calls_total point=Filter result=fault":         1,
		"stowage_policy_call_duration_seconds point=Filter count":      3,
		"stowage_policy_call_duration_seconds point=Filter sum":        0.75,
		"stowage_policy_call_duration_seconds point=Score count":       0,
		"stowage_policy_call_duration_seconds point=Score sum":         0,
		"stowage_policy_fuel_total point=Filter":                       1500,
		"stowage_policy_fuel_total point=Score":                        0,
		"stowage_policy_faults_total kind=trap point=Filter":           1,
		"stowage_policy_monitored_total decision=rejected point=Score": 2,
		"stowage_policy_breaker_state":                                 2,
		"stowage_policy_instances":                                     3,
		"stowage_policy_dropped_total function=log":                    1,
		"stowage_policy_counter_total name=pods_seen":                  7,
		"stowage_policy_gauge name=load":                               -0.5,
	}
	if diff := cmp.Diff(want, gathered(t, name)); diff != "" {
		t.Errorf("series (-want,+got):\n%s", diff)
	}
}

func TestGuestMemory(t *testing.T) {
	metrics.GuestMemory(5 << 20)
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "stowage_guest_memory_bytes" {
			if got := f.GetMetric()[0].GetGauge().GetValue(); got != 5<<20 {
				t.Errorf("memory = %g, want %d", got, 5<<20)
			}
			return
		}
	}
	t.Error("the metric is not there")
}

// A policy that makes up names fills its own share and nobody else's.
func TestNamesAreBounded(t *testing.T) {
	p, name := policy()
	other, _ := policy()
	for i := range 1000 {
		counted, set := p.Count(fmt.Sprintf("c%d", i), 1), p.Gauge(fmt.Sprintf("g%d", i), 1)
		if want := i < metrics.MaxNames; counted != want || set != want {
			t.Fatalf("name %d is taken: %t as a counter, %t as a gauge; want %t", i, counted, set, want)
		}
	}
	if !p.Count("c0", 1) || !p.Gauge("g63", 2) || !other.Count("c999", 1) {
		t.Error("a known name, or another policy's, is not taken")
	}
	series := 0
	for s := range gathered(t, name) {
		if strings.Contains(s, "name=") {
			series++
		}
	}
	if series != 2*metrics.MaxNames {
		t.Errorf("the policy has %d series, want %d", series, 2*metrics.MaxNames)
	}
}

func TestConcurrentUse(t *testing.T) {
	_, name := policy()
	const goroutines, rounds = 8, 200
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range rounds {
				p := metrics.For("stowage", name)
				p.Point(fmt.Sprintf("point-%d", i%4)).Observe("ok", time.Microsecond, 1)
				p.Count(fmt.Sprintf("name_%d", i), 1)
			}
		})
	}
	wg.Wait()
	calls, names := 0.0, 0
	for series, value := range gathered(t, name) {
		if strings.HasPrefix(series, "stowage_policy_calls_total") {
			calls += value
		}
		if strings.HasPrefix(series, "stowage_policy_counter_total") {
			names++
		}
	}
	if calls != goroutines*rounds || names != metrics.MaxNames {
		t.Errorf("%g calls and %d names, want %d and %d", calls, names, goroutines*rounds, metrics.MaxNames)
	}
}

func TestObservingDoesNotAllocate(t *testing.T) {
	p, _ := policy()
	observe := func() {
		p.Point("Filter").Observe("ok", time.Millisecond, 12345)
		p.Monitored("Filter", "rejected")
		p.Count("pods", 1)
	}
	observe()
	if n := testing.AllocsPerRun(100, observe); n != 0 {
		t.Errorf("observing allocates %g times, want 0", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	p, _ := policy()
	b.ReportAllocs()
	for b.Loop() {
		p.Point("Filter").Observe("ok", time.Millisecond, 12345)
	}
}
