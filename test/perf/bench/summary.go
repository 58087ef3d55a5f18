// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/stowage-scheduler/stowage/test/perf/cycles"
	"github.com/stowage-scheduler/stowage/test/perf/report"
)

// budgets of the design; what has none is there to be looked at.
var budgets = map[string]report.Budget{
	"filter_score_go_over_native":       {Limit: 2},
	"queuehint_over_native":             {Limit: 3},
	"cycle_throughput_wasm_over_native": {Limit: 0.97, AtLeast: true},
	"sync_share_of_cycle":               {Limit: 0.02},
	"arena_pss_growth_1_to_16":          {Limit: 0.02},
	"meter_overhead_tight":              {Limit: 1.3},
	"meter_overhead_samples":            {Limit: 1.1},
	"load_cold_over_compile":            {Limit: 1.25},
	"load_warm_over_100_ms":             {Limit: 1},
}

// summary is medians of the rounds. Ratios are medians of each round's ratio, so that what slows
// the machine for a while counts for both sides.
func summary(runs map[string][]*report.Results) *report.Results {
	r := report.New()
	for _, variant := range cycles.Variants {
		if len(runs[variant]) == 0 {
			continue
		}
		for _, v := range runs[variant][0].Values {
			r.Add(variant+"_"+v.Name, v.Unit, report.Median(column(runs[variant], v.Name)))
		}
	}
	r.Ratio("cycle_throughput_wasm_over_native", over(runs[cycles.Wasm], runs[cycles.Native], cycles.Throughput))
	r.Ratio("cycle_throughput_extender_over_native", medians(runs, cycles.Extender, cycles.Native))
	r.Ratio("cycle_throughput_native_over_none", medians(runs, cycles.Native, cycles.None))
	r.Ratio("cycle_cpu_wasm_over_native", over(runs[cycles.Wasm], runs[cycles.Native], cycles.CPU))
	r.Ratio("prefilter_share_of_cycle", share(runs[cycles.Wasm]))
	return r
}

func column(runs []*report.Results, name string) []float64 {
	var values []float64
	for _, r := range runs {
		if v, ok := r.Get(name); ok {
			values = append(values, v)
		}
	}
	return values
}

// over is the median of a/b over rounds that have both.
func over(a, b []*report.Results, name string) float64 {
	as, bs := column(a, name), column(b, name)
	var ratios []float64
	for i := range min(len(as), len(bs)) {
		ratios = append(ratios, as[i]/bs[i])
	}
	return report.Median(ratios)
}

// share is how much of a cycle a Wasm policy's PreFilter takes. It bounds what following the
// cluster costs in place, where sync_share_of_cycle takes the Sync of a benchmark that does
// nothing else and has everything in the processor's caches.
func share(wasm []*report.Results) float64 {
	return report.Median(column(wasm, cycles.PreFilter)) / report.Median(column(wasm, cycles.Duration))
}

// medians compares variants that did not run equally often.
func medians(runs map[string][]*report.Results, a, b string) float64 {
	return report.Median(column(runs[a], cycles.Throughput)) / report.Median(column(runs[b], cycles.Throughput))
}

// syncSizes are the cases of BenchmarkSync, as nodes and changed nodes.
var syncSizes = [][2]int{{500, 1}, {500, 50}, {5000, 1}, {5000, 50}, {5000, 5000}, {50000, 1}, {50000, 50}, {50000, 5000}}

func addSyncs(r *report.Results, found map[string]metrics) {
	for _, size := range syncSizes {
		took, ok := found[fmt.Sprintf("Sync/nodes=%d/changed=%d", size[0], size[1])]["us/sync"]
		if !ok {
			continue
		}
		r.Add(fmt.Sprintf("sync_%d_of_%d", size[1], size[0]), "us", took)
		if cycle, ok := r.Get(cycles.Wasm + "_" + cycles.Duration); ok && size == [2]int{5000, 1} {
			r.Ratio("sync_share_of_cycle", took/cycle)
		}
	}
}

func addMemory(r *report.Results, found map[string]metrics) error {
	m, ok := found["InstanceMemory"]
	if !ok {
		return fmt.Errorf("reading memory of instances: %w", errNoResults)
	}
	r.Add("instance_private_kib", "KiB", m["KiB/instance"])
	r.Add("arena_bytes_per_node", "B", m["arena-B/node"])
	r.Add("arena_copied_kib_per_instance", "KiB", m["arena-private-KiB/instance"])
	r.Ratio("arena_pss_growth_1_to_16", m["arena-growth"])
	return nil
}

// addMeters adds what limits on a guest's time cost: of a tight loop, of each sample policy, and
// of all of them as the geometric mean. Where the compiled code of one happens to lie makes a
// difference of 5 percent from one build to the next, so that the worst would be the unluckiest.
func addMeters(r *report.Results, found map[string]metrics) {
	logMetered, logClosing, samples := 0.0, 0.0, 0.0
	for name, m := range found {
		if sample, ok := strings.CutPrefix(name, "Meter/"); ok && sample != "tight" {
			r.Ratio("meter_overhead_of_"+strings.ReplaceAll(sample, "-", "_"), m["metered/plain"])
			logMetered, logClosing, samples = logMetered+math.Log(m["metered/plain"]), logClosing+math.Log(m["closing/plain"]), samples+1
		}
	}
	r.Ratio("meter_overhead_tight", found["Meter/tight"]["metered/plain"])
	r.Ratio("meter_overhead_samples", math.Exp(logMetered/samples))
	r.Ratio("close_on_done_overhead_tight", found["Meter/tight"]["closing/plain"])
	r.Ratio("close_on_done_overhead_samples", math.Exp(logClosing/samples))
}

// loadStages are what a load consists of.
var loadStages = []string{"verify", "meter", "compile", "start"}

// addLoads adds how long it takes from a module's bytes to a configured guest, where everything is in
// the cache and where nothing is.
func addLoads(r *report.Results, found map[string]metrics) error {
	warm, cold := found["Load/warm"], found["Load/cold"]
	if warm == nil || cold == nil {
		return fmt.Errorf("reading loads: %w", errNoResults)
	}
	for _, of := range []struct {
		name  string
		found metrics
	}{{"load_warm", warm}, {"load_cold", cold}} {
		r.Add(of.name+"_ms", "ms", of.found["load-ms"])
		for _, stage := range loadStages {
			r.Add(of.name+"_"+stage+"_ms", "ms", of.found[stage+"-ms"])
		}
	}
	r.Ratio("load_warm_over_100_ms", warm["load-ms"]/100)
	r.Ratio("load_cold_over_compile", cold["over-compile"])
	r.Ratio("load_cold_over_compile_on_one_core", cold["over-compile-single"])
	return nil
}
