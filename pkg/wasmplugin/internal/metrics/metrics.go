// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics counts what policies do, where kube-scheduler's other metrics are.
//
// Everything here may be called from several goroutines. Nothing needs closing: what a policy
// counted stays until the process ends, as Prometheus expects, so the number of series is bounded
// by the number of policies in the configuration. What is called per call of a guest costs well
// below a microsecond and does not allocate.
package metrics

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var (
	calls = counter("stowage_policy_calls_total",
		"Calls of a policy's guests by extension point and result.", "profile", "policy", "point", "result")
	duration = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name: "stowage_policy_call_duration_seconds",
		Help: "Duration of calls of a policy's guests by extension point.",
		// 10 microseconds, which is a call about few nodes, to 5 seconds, beyond any sensible deadline.
		Buckets:        metrics.ExponentialBuckets(1e-5, 2, 20),
		StabilityLevel: metrics.ALPHA,
	}, []string{"profile", "policy", "point"})
	fuel = counter("stowage_policy_fuel_total",
		"Fuel that a policy used by extension point; about one unit per instruction.", "profile", "policy", "point")
	faults = counter("stowage_policy_faults_total",
		"Calls that the policy's guest did not survive, or that could not be made, by extension point and kind.", "profile", "policy", "point", "kind")
	monitored = counter("stowage_policy_monitored_total",
		"What a policy in mode Monitor would have decided, by extension point and decision.", "profile", "policy", "point", "decision")
	breakers = gauge("stowage_policy_breaker_state",
		"State of a policy's circuit breaker: 0 is closed, 1 half-open, 2 open.", "profile", "policy")
	dropped = counter("stowage_policy_dropped_total",
		"Calls of a host function by a policy that came to nothing because of a limit, by function.", "profile", "policy", "function")
	counters = counter("stowage_policy_counter_total",
		"Counters that policies define, by name.", "profile", "policy", "name")
	gauges = gauge("stowage_policy_gauge",
		"Gauges that policies define, by name.", "profile", "policy", "name")
	instances = gauge("stowage_policy_instances", "Guests that a policy has.", "profile", "policy")
	memory    = metrics.NewGauge(&metrics.GaugeOpts{
		Name:           "stowage_guest_memory_bytes",
		Help:           "Memory of all guests, without what they share.",
		StabilityLevel: metrics.ALPHA,
	})
)

func counter(name, help string, labels ...string) *metrics.CounterVec {
	return metrics.NewCounterVec(&metrics.CounterOpts{Name: name, Help: help, StabilityLevel: metrics.ALPHA}, labels)
}

func gauge(name, help string, labels ...string) *metrics.GaugeVec {
	return metrics.NewGaugeVec(&metrics.GaugeOpts{Name: name, Help: help, StabilityLevel: metrics.ALPHA}, labels)
}

// register is called before any handle is made: one made earlier would count nothing.
var register = sync.OnceFunc(func() {
	legacyregistry.MustRegister(calls, duration, fuel, faults, monitored, breakers, dropped, counters, gauges, instances, memory,
		info, reloads, problems, activeSince, retired, shadowed)
})

// GuestMemory is what all guests together have.
func GuestMemory(bytes int64) {
	register()
	memory.Set(float64(bytes))
}
