// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strings"
	"time"

	"k8s.io/component-base/metrics"
)

// MaxNames is how many counters, and how many gauges, a policy may define.
const MaxNames = 64

// policies is every Policy that there is.
var policies = newHandles(0, newPolicy)

// separator is in no name of a profile or policy.
const separator = "\x00"

// For is the metrics of a policy in a profile. It returns the same Policy for the same names.
func For(profile, policy string) *Policy {
	register()
	p, _ := policies.get(profile + separator + policy)
	return p
}

// Policy is the metrics of one policy.
type Policy struct {
	points    *handles[*Point]
	dropped   *handles[metrics.CounterMetric]
	counters  *handles[metrics.CounterMetric]
	gauges    *handles[metrics.GaugeMetric]
	breaker   metrics.GaugeMetric
	instances metrics.GaugeMetric
}

func newPolicy(name string) *Policy {
	profile, policy, _ := strings.Cut(name, separator)
	return &Policy{
		points:    newHandles(0, func(point string) *Point { return newPoint(profile, policy, point) }),
		dropped:   newHandles(0, func(function string) metrics.CounterMetric { return dropped.WithLabelValues(profile, policy, function) }),
		counters:  newHandles(MaxNames, func(name string) metrics.CounterMetric { return counters.WithLabelValues(profile, policy, name) }),
		gauges:    newHandles(MaxNames, func(name string) metrics.GaugeMetric { return gauges.WithLabelValues(profile, policy, name) }),
		breaker:   breakers.WithLabelValues(profile, policy),
		instances: instances.WithLabelValues(profile, policy),
	}
}

// Point is the metrics of one extension point, named as in the framework.
func (p *Policy) Point(name string) *Point {
	point, _ := p.points.get(name)
	return point
}

// Fault counts a fault of a kind.
func (p *Policy) Fault(point, kind string) {
	c, _ := p.Point(point).faults.get(kind)
	c.Inc()
}

// Monitored counts what the policy would have decided.
func (p *Policy) Monitored(point, decision string) {
	c, _ := p.Point(point).monitored.get(decision)
	c.Inc()
}

// Breaker is the state of the circuit breaker: 0 is closed, 1 half-open, 2 open.
func (p *Policy) Breaker(state int32) { p.breaker.Set(float64(state)) }

// Instances is how many guests the policy has.
func (p *Policy) Instances(n int) { p.instances.Set(float64(n)) }

// Dropped counts a call of a host function that came to nothing.
func (p *Policy) Dropped(function string) {
	c, _ := p.dropped.get(function)
	c.Inc()
}

// Count adds to a counter of the policy's own. It returns false if the policy has MaxNames
// others, or if delta is negative.
func (p *Policy) Count(name string, delta int64) bool {
	if delta < 0 {
		return false
	}
	c, ok := p.counters.get(name)
	if ok {
		c.Add(float64(delta))
	}
	return ok
}

// Gauge sets a gauge of the policy's own. It returns false if the policy has MaxNames others.
func (p *Policy) Gauge(name string, value float64) bool {
	g, ok := p.gauges.get(name)
	if ok {
		g.Set(value)
	}
	return ok
}

// Point is the metrics of one extension point of a policy.
type Point struct {
	calls     *handles[metrics.CounterMetric]
	faults    *handles[metrics.CounterMetric]
	monitored *handles[metrics.CounterMetric]
	duration  metrics.ObserverMetric
	fuel      metrics.CounterMetric
}

func newPoint(profile, policy, point string) *Point {
	by := func(vec *metrics.CounterVec) *handles[metrics.CounterMetric] {
		return newHandles(0, func(value string) metrics.CounterMetric { return vec.WithLabelValues(profile, policy, point, value) })
	}
	return &Point{
		calls: by(calls), faults: by(faults), monitored: by(monitored),
		duration: duration.WithLabelValues(profile, policy, point), fuel: fuel.WithLabelValues(profile, policy, point),
	}
}

// Observe counts one call of a guest. The results must be few words, not messages.
func (p *Point) Observe(result string, took time.Duration, used int64) {
	c, _ := p.calls.get(result)
	c.Inc()
	p.duration.Observe(took.Seconds())
	p.fuel.Add(float64(max(0, used)))
}
