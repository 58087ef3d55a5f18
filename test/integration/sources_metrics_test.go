// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

func metricsOf(t *testing.T, s *cluster.Scheduler) string {
	t.Helper()
	body, err := s.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// sumOf adds up the series of a metric that have all of the labels, each as name="value".
func sumOf(metrics, name string, labels ...string) (sum float64) {
	for line := range strings.Lines(metrics) {
		if n, ok := seriesOf(line, name, labels); ok {
			sum += n
		}
	}
	return sum
}

// seriesOf is the value in a line that is of the metric and has all of the labels.
func seriesOf(line, name string, labels []string) (value float64, ok bool) {
	series, text, _ := strings.Cut(strings.TrimSpace(line), " ")
	if series != name && !strings.HasPrefix(series, name+"{") {
		return 0, false
	}
	if slices.ContainsFunc(labels, func(label string) bool { return !strings.Contains(series, label) }) {
		return 0, false
	}
	value, err := strconv.ParseFloat(text, 64)
	return value, err == nil
}

// histogram is how many observations are at most as long as each bound, in seconds.
type histogram map[float64]float64

var bound = regexp.MustCompile(`[{,]le="([^"]+)"`)

func histogramOf(metrics, name string, labels ...string) histogram {
	h := histogram{}
	for line := range strings.Lines(metrics) {
		if n, ok := seriesOf(line, name+"_bucket", labels); ok {
			if le, err := strconv.ParseFloat(bound.FindStringSubmatch(line)[1], 64); err == nil { // +Inf is a number too
				h[le] += n
			}
		}
	}
	return h
}

// since is what was observed after an earlier look.
func (h histogram) since(before histogram) histogram {
	diff := histogram{}
	for le, n := range h {
		diff[le] = n - before[le]
	}
	return diff
}

// quantile is where so much of all lies below, as if what is in a bucket were spread evenly.
func (h histogram) quantile(q float64) time.Duration {
	rank, from, below := q*h[math.Inf(1)], 0.0, 0.0
	bounds := make([]float64, 0, len(h))
	for le := range h {
		bounds = append(bounds, le)
	}
	slices.Sort(bounds)
	for _, le := range bounds {
		if h[le] >= rank && h[le] > below && !math.IsInf(le, 1) {
			at := from + (le-from)*(rank-below)/(h[le]-below)
			return time.Duration(at * float64(time.Second)).Round(100 * time.Microsecond)
		}
		from, below = le, h[le]
	}
	return time.Duration(from * float64(time.Second))
}

func (h histogram) String() string {
	return fmt.Sprintf("p50 %v p99 %v of %v", h.quantile(0.5), h.quantile(0.99), h[math.Inf(1)])
}
