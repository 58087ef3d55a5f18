// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// Count adds to a counter of the policy's own, which the scheduler serves as
// stowage_policy_counter_total{policy="...",name="..."}. The policy needs the capability
// "metrics"; one that does not call Count or Gauge does not import them.
//
// A name is a lowercase letter and at most 62 lowercase letters, digits and underscores; another
// one, or a negative delta, is a fault. A policy may have 64 counters; more are dropped. Names are
// not for values: count "pods_refused", not "refused_" + pod.Name().
//
// What is counted per call depends on how often the scheduler calls: Filter may look at a node
// never, once or several times.
func Count(name string, delta int64) { hostCount(name, delta) }

// Gauge sets a gauge of the policy's own, which the scheduler serves as
// stowage_policy_gauge{policy="...",name="..."}. The instances of a policy share it: the last one
// wins. The policy needs the capability "metrics". Names are as for Count; a value that is NaN or
// infinite is a fault. A policy may have 64 gauges; more are dropped.
func Gauge(name string, value float64) { hostGauge(name, value) }
