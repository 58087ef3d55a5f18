// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/test/perf/cycles"
	"github.com/stowage-scheduler/stowage/test/perf/report"
)

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		out     string
		want    map[string]metrics
		wantErr error
	}{
		"sub-benchmarks and noise": {
			out: "goos: linux\nBenchmarkSync/nodes=5000/changed=1-2   \t 200\t 139778 ns/op\t 15.25 us/sync\nPASS\n",
			want: map[string]metrics{
				"Sync/nodes=5000/changed=1": {"ns/op": 139778, "us/sync": 15.25},
			},
		},
		"one processor": {
			out:  "BenchmarkInstanceMemory 1 5 ns/op 2390 KiB/instance",
			want: map[string]metrics{"InstanceMemory": {"ns/op": 5, "KiB/instance": 2390}},
		},
		"nothing ran": {out: "PASS\n", wantErr: errNoResults},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(tc.out)
			if !errors.Is(err, tc.wantErr) {
				t.Fatalf("error = %v, want %v", err, tc.wantErr)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want,+got):\n%s", diff)
			}
		})
	}
}

func runs(throughputs ...float64) []*report.Results {
	var list []*report.Results
	for _, v := range throughputs {
		r := report.New()
		r.Add(cycles.Throughput, "cycles/s", v)
		r.Add(cycles.CPU, "us", 2e6/v)
		r.Add(cycles.Duration, "us", 1e6/v)
		r.Add(cycles.PreFilter, "us", 1e4/v)
		list = append(list, r)
	}
	return list
}

// TestSummaryComparesWithinRounds: in the third round the machine was slow for both.
func TestSummaryComparesWithinRounds(t *testing.T) {
	got := summary(map[string][]*report.Results{
		cycles.Native:   runs(100, 100, 50),
		cycles.Wasm:     runs(98, 99, 49),
		cycles.Extender: runs(25),
		cycles.None:     runs(200),
	})
	want := map[string]float64{
		"cycle_throughput_wasm_over_native":     0.98,
		"cycle_throughput_extender_over_native": 0.25,
		"cycle_throughput_native_over_none":     0.5,
		"cycle_cpu_wasm_over_native":            1.02041,
		"prefilter_share_of_cycle":              0.01,
	}
	if diff := cmp.Diff(want, got.Ratios); diff != "" {
		t.Errorf("ratios (-want,+got):\n%s", diff)
	}
	if v, _ := got.Get("wasm_" + cycles.Throughput); v != 98 {
		t.Errorf("median throughput = %v, want 98", v)
	}
}

func TestSyncShareIsOfTheWasmCycle(t *testing.T) {
	r := report.New()
	r.Add(cycles.Wasm+"_"+cycles.Duration, "us", 1000)
	addSyncs(r, map[string]metrics{
		"Sync/nodes=5000/changed=1":   {"us/sync": 15},
		"Sync/nodes=50000/changed=50": {"us/sync": 900},
	})
	want := &report.Results{
		Ratios: map[string]float64{"sync_share_of_cycle": 0.015},
		Values: []report.Value{
			{Name: "wasm_cycle_us", Unit: "us", Value: 1000},
			{Name: "sync_1_of_5000", Unit: "us", Value: 15},
			{Name: "sync_50_of_50000", Unit: "us", Value: 900},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want,+got):\n%s", diff)
	}
}

func TestLoads(t *testing.T) {
	r := report.New()
	err := addLoads(r, map[string]metrics{
		"Load/warm": {"load-ms": 80, "verify-ms": 20, "meter-ms": 5, "compile-ms": 50, "start-ms": 5},
		"Load/cold": {"load-ms": 600, "over-compile": 1.2, "over-compile-single": 0.7},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"load_warm_over_100_ms": 0.8, "load_cold_over_compile": 1.2, "load_cold_over_compile_on_one_core": 0.7,
	}
	if diff := cmp.Diff(want, r.Ratios); diff != "" {
		t.Errorf("ratios (-want,+got):\n%s", diff)
	}
	if got, ok := r.Get("load_warm_ms"); !ok || got != 80 {
		t.Errorf("load_warm_ms = %v, %t", got, ok)
	}
	if err := addLoads(report.New(), nil); !errors.Is(err, errNoResults) {
		t.Errorf("error = %v", err)
	}
}
