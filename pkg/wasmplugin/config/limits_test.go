// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// loadYAML loads args that have a module and the given fields.
func loadYAML(t *testing.T, fields string) (*v1alpha1.WasmPluginArgs, field.ErrorList) {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte("apiVersion: stowage.dev/v1alpha1\nkind: WasmPluginArgs\nmodule: {file: {path: a.wasm}}\n" + fields))
	if err != nil {
		t.Fatal(err)
	}
	return LoadJSON(raw, field.NewPath("args"))
}

func TestLoadSandbox(t *testing.T) {
	duration := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	tests := map[string]struct {
		fields string
		want   func(*v1alpha1.WasmPluginArgs)
	}{
		"everything": {
			fields: `
capabilities: [nodePods, log, metrics, events, clock, random, nodeAnnotations]
limits:
  fuel: {perCall: 1000, perNode: 1000000000, perQueueCall: 100000000, perBindCall: 1000}
  deadline: 10s
  memory: 1048576
  instances: 64
  moduleSize: 1Ki
  resultSize: 16Mi
  log: {linesPerSecond: 1, burst: 10000, lineSize: 64}
  events: {perMinute: 600, burst: 1}
failurePolicy: Ignore
circuitBreaker: {faults: 100, window: 1h, backoff: 100ms, maxBackoff: 24h}
mode: Monitor`,
			want: func(args *v1alpha1.WasmPluginArgs) {
				args.Capabilities = []string{"nodePods", "log", "metrics", "events", "clock", "random", "nodeAnnotations"}
				args.Limits = v1alpha1.Limits{
					Fuel: v1alpha1.FuelLimits{
						PerCall: new(int64(1000)), PerNode: new(int64(1_000_000_000)),
						PerQueueCall: new(int64(100_000_000)), PerBindCall: new(int64(1000)),
					},
					Deadline:   duration(10 * time.Second),
					Memory:     resource.NewQuantity(1<<20, resource.BinarySI),
					Instances:  new(int32(64)),
					ModuleSize: resource.NewQuantity(1<<10, resource.BinarySI),
					ResultSize: resource.NewQuantity(16<<20, resource.BinarySI),
					Log:        v1alpha1.LogLimits{LinesPerSecond: new(int32(1)), Burst: new(int32(10_000)), LineSize: resource.NewQuantity(64, resource.BinarySI)},
					Events:     v1alpha1.EventLimits{PerMinute: new(int32(600)), Burst: new(int32(1))},
				}
				args.FailurePolicy = v1alpha1.FailurePolicyIgnore
				args.CircuitBreaker = v1alpha1.CircuitBreaker{
					Faults: new(int32(100)), Window: duration(time.Hour), Backoff: duration(100 * time.Millisecond), MaxBackoff: duration(24 * time.Hour),
				}
				args.Mode = v1alpha1.ModeMonitor
			},
		},
		"zeros that mean something": {
			fields: "limits: {fuel: {perNode: 0}, instances: 0}\ncircuitBreaker: {faults: 0}",
			want: func(args *v1alpha1.WasmPluginArgs) {
				args.Limits.Fuel.PerNode = new(int64(0))
				args.CircuitBreaker.Faults = new(int32(0))
			},
		},
		"null is absent": {
			fields: "capabilities: null\nlimits: {fuel: null, memory: null, deadline: ~}\ncircuitBreaker: null\nmode: null",
			want:   func(*v1alpha1.WasmPluginArgs) {},
		},
		"one limit leaves the others at their defaults": {
			fields: `limits: {log: {burst: 5}}`,
			want:   func(args *v1alpha1.WasmPluginArgs) { args.Limits.Log.Burst = new(int32(5)) },
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, errs := loadYAML(t, tc.fields)
			if len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			if diff := cmp.Diff(wantArgs("a.wasm", "{}", tc.want), got); diff != "" {
				t.Errorf("args (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestLoadSandboxProblems(t *testing.T) {
	tests := map[string]struct {
		fields string
		want   []string
	}{
		"below the ranges": {
			fields: `
limits:
  fuel: {perCall: 999, perNode: -1}
  deadline: 999us
  memory: 1048575
  instances: -1
  moduleSize: "0"
  resultSize: -1Ki
  log: {linesPerSecond: 0, burst: 0, lineSize: 63}
  events: {perMinute: 0, burst: 0}
circuitBreaker: {faults: -1, window: 999ms, backoff: 0s, maxBackoff: -1s}`,
			want: []string{
				`args.limits.fuel.perCall: Invalid value: "999": must be between 1000 and 1000000000000`,
				`args.limits.fuel.perNode: Invalid value: "-1": must be between 0 and 1000000000`,
				`args.limits.deadline: Invalid value: "999µs": must be between 1ms and 10s`,
				`args.limits.memory: Invalid value: "1048575": must be between 1Mi and 2Gi`,
				`args.limits.instances: Invalid value: "-1": must be between 0 and 64`,
				`args.limits.moduleSize: Invalid value: "0": must be between 1Ki and 64Mi`,
				`args.limits.resultSize: Invalid value: "-1Ki": must be between 1Ki and 16Mi`,
				`args.limits.log.linesPerSecond: Invalid value: "0": must be between 1 and 10000`,
				`args.limits.log.burst: Invalid value: "0": must be between 1 and 10000`,
				`args.limits.log.lineSize: Invalid value: "63": must be between 64 and 64Ki`,
				`args.limits.events.perMinute: Invalid value: "0": must be between 1 and 600`,
				`args.limits.events.burst: Invalid value: "0": must be between 1 and 600`,
				`args.circuitBreaker.faults: Invalid value: "-1": must be between 0 and 100`,
				`args.circuitBreaker.window: Invalid value: "999ms": must be between 1s and 1h0m0s`,
				`args.circuitBreaker.backoff: Invalid value: "0s": must be between 100ms and 1h0m0s`,
				`args.circuitBreaker.maxBackoff: Invalid value: "-1s": must be between 0s and 24h0m0s`,
			},
		},
		"above the ranges": {
			fields: `
limits:
  fuel: {perCall: 1000000000001, perNode: 1000000001}
  deadline: 10001ms
  memory: 2049Mi
  instances: 65
  moduleSize: "1e30"
  resultSize: 17Mi
  log: {linesPerSecond: 10001, burst: 10001, lineSize: 65Ki}
  events: {perMinute: 601, burst: 601}
circuitBreaker: {faults: 101, window: 61m, backoff: 61m, maxBackoff: 25h}`,
			want: []string{
				`args.limits.fuel.perCall: Invalid value: "1000000000001": must be between 1000 and 1000000000000`,
				`args.limits.fuel.perNode: Invalid value: "1000000001": must be between 0 and 1000000000`,
				`args.limits.deadline: Invalid value: "10.001s": must be between 1ms and 10s`,
				`args.limits.memory: Invalid value: "2049Mi": must be between 1Mi and 2Gi`,
				`args.limits.instances: Invalid value: "65": must be between 0 and 64`,
				`args.limits.moduleSize: Invalid value: "1e30": must be between 1Ki and 64Mi`,
				`args.limits.resultSize: Invalid value: "17Mi": must be between 1Ki and 16Mi`,
				`args.limits.log.linesPerSecond: Invalid value: "10001": must be between 1 and 10000`,
				`args.limits.log.burst: Invalid value: "10001": must be between 1 and 10000`,
				`args.limits.log.lineSize: Invalid value: "65Ki": must be between 64 and 64Ki`,
				`args.limits.events.perMinute: Invalid value: "601": must be between 1 and 600`,
				`args.limits.events.burst: Invalid value: "601": must be between 1 and 600`,
				`args.circuitBreaker.faults: Invalid value: "101": must be between 0 and 100`,
				`args.circuitBreaker.window: Invalid value: "1h1m0s": must be between 1s and 1h0m0s`,
				`args.circuitBreaker.backoff: Invalid value: "1h1m0s": must be between 100ms and 1h0m0s`,
				`args.circuitBreaker.maxBackoff: Invalid value: "25h0m0s": must be between 1h1m0s and 24h0m0s`,
			},
		},
		"values of wrong types, which are not also out of range": {
			fields: `
capabilities: [1, log, [metrics]]
limits:
  fuel: {perCall: 1.5, perNode: "1"}
  deadline: 100
  memory: lots
  instances: 9999999999
  log: [1]
  events: {perMinute: true}
circuitBreaker: {window: soon, windw: 1s}
mode: {}`,
			want: []string{
				`args.capabilities[0]: Invalid value: "1": must be a string`,
				`args.capabilities[2]: Invalid value: "[\"metrics\"]": must be a string`,
				`args.limits.fuel.perCall: Invalid value: "1.5": must be a whole number that fits into 64 bits`,
				`args.limits.fuel.perNode: Invalid value: "\"1\"": must be a whole number that fits into 64 bits`,
				`args.limits.deadline: Invalid value: "100": must be a duration, for example 100ms`,
				`args.limits.memory: Invalid value: "\"lots\"": must be a quantity, for example 64Mi`,
				`args.limits.instances: Invalid value: "9999999999": must be a whole number that fits into 32 bits`,
				`args.limits.log: Invalid value: "[1]": must be an object`,
				`args.limits.events.perMinute: Invalid value: "true": must be a whole number that fits into 32 bits`,
				`args.circuitBreaker.window: Invalid value: "\"soon\"": must be a duration, for example 100ms`,
				`args.mode: Invalid value: "{}": must be a string`,
				`args.circuitBreaker.windw: Forbidden: unknown field: check its spelling and place`,
			},
		},
		"capabilities": {
			fields: `capabilities: [log, Clock, log, "", objects:pods, "objects:", objects:Pods]`,
			want: []string{
				`args.capabilities[1]: Unsupported value: "Clock": supported values: "log", "metrics", "events", "clock", "random", "nodeAnnotations", "nodePods", "ledger", "waitingPods", "wake", "sharedData", "preemption", "reclaim", "bind", "objects:<resource>"`,
				`args.capabilities[2]: Duplicate value: "log"`,
				`args.capabilities[3]: Unsupported value: "": supported values: "log", "metrics", "events", "clock", "random", "nodeAnnotations", "nodePods", "ledger", "waitingPods", "wake", "sharedData", "preemption", "reclaim", "bind", "objects:<resource>"`,
				`args.capabilities[5]: Unsupported value: "objects:": supported values: "log", "metrics", "events", "clock", "random", "nodeAnnotations", "nodePods", "ledger", "waitingPods", "wake", "sharedData", "preemption", "reclaim", "bind", "objects:<resource>"`,
				`args.capabilities[6]: Unsupported value: "objects:Pods": supported values: "log", "metrics", "events", "clock", "random", "nodeAnnotations", "nodePods", "ledger", "waitingPods", "wake", "sharedData", "preemption", "reclaim", "bind", "objects:<resource>"`,
			},
		},
		"capabilities that are no list": {
			fields: `capabilities: log`,
			want:   []string{`args.capabilities: Invalid value: "\"log\"": must be a list`},
		},
		"enumerations": {
			fields: "failurePolicy: ignore\nmode: Shadow",
			want: []string{
				`args.failurePolicy: Unsupported value: "ignore": supported values: "Fail", "Ignore"`,
				`args.mode: Unsupported value: "Shadow": supported values: "Enforce", "Monitor"`,
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, errs := loadYAML(t, tc.fields)
			if diff := cmp.Diff(tc.want, messages(errs)); diff != "" {
				t.Errorf("problems (-want,+got):\n%s", diff)
			}
		})
	}
}
