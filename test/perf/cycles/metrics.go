// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cycles

import (
	"fmt"
	"time"

	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/component-base/metrics/testutil"

	"github.com/stowage-scheduler/stowage/test/perf/native"
	"github.com/stowage-scheduler/stowage/test/perf/report"
)

const (
	pluginTimes = "scheduler_plugin_execution_duration_seconds"
	// flushed is how long the scheduler may keep what it measured to itself.
	flushed = 1500 * time.Millisecond
)

// PreFilter is the median time of the policy's PreFilter. In a Wasm policy that is where the
// resident snapshot is brought up to date, after a whole cycle has used the processor's caches.
const PreFilter = "policy_PreFilter_median"

// policyTimes reports how long the policy takes at each extension point, on average per cycle
// and summed over workers, from the cycles that the scheduler samples for its own metrics.
func policyTimes(r *report.Results) error {
	time.Sleep(flushed)
	begun, err := times("PreFilter")
	if err != nil {
		return err
	}
	n := float64(begun.GetAggregatedSampleCount())
	if n == 0 {
		return nil
	}
	for _, point := range []string{"PreFilter", "Filter", "PreScore", "Score"} {
		spent, err := times(point)
		if err != nil {
			return err
		}
		r.Add("policy_"+point, "us", spent.GetAggregatedSampleSum()*1e6/n)
	}
	r.Add(PreFilter, "us", begun.Quantile(0.5)*1e6)
	return nil
}

// times of the policy at an extension point; empty if the scheduler has no such plugin.
func times(point string) (testutil.HistogramVec, error) {
	found, err := testutil.GetHistogramVecFromGatherer(legacyregistry.DefaultGatherer, pluginTimes,
		map[string]string{"plugin": native.Name, "extension_point": point})
	if err != nil {
		return nil, fmt.Errorf("reading the scheduler's metrics: %w", err)
	}
	return found, nil
}
