// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// defaulted is what an operator gets who writes no more than the module's path.
const defaulted = `apiVersion: stowage.dev/v1alpha1
circuitBreaker:
  backoff: 10s
  faults: 5
  maxBackoff: 5m0s
  window: 1m0s
config: {}
failurePolicy: Fail
kind: WasmPluginArgs
limits:
  deadline: 250ms
  events:
    burst: 10
    perMinute: 10
  fuel:
    perBindCall: 10000000
    perCall: 10000000
    perNode: 50000
    perQueueCall: 1000000
  instances: 0
  log:
    burst: 100
    lineSize: 4Ki
    linesPerSecond: 10
  memory: 64Mi
  moduleSize: 16Mi
  resultSize: 64Ki
mode: Enforce
module:
  file:
    path: a.wasm
`

func TestDefaults(t *testing.T) {
	args := &WasmPluginArgs{
		TypeMeta: metav1.TypeMeta{APIVersion: SchemeGroupVersion.String(), Kind: Kind},
		Module:   ModuleSource{File: &FileSource{Path: "a.wasm"}},
	}
	SetDefaults_WasmPluginArgs(args)
	got, err := yaml.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaulted, string(got)); diff != "" {
		t.Errorf("args (-want,+got):\n%s", diff)
	}
}

// TestSetDefaultsKeepsWhatIsSet sets every field to something that is not its default, zero where that is allowed.
func TestSetDefaultsKeepsWhatIsSet(t *testing.T) {
	args := &WasmPluginArgs{
		Config:       &runtime.RawExtension{Raw: []byte(`{"a":1}`)},
		Capabilities: []string{"log"},
		Limits: Limits{
			Fuel:       FuelLimits{PerCall: new(int64(7)), PerNode: new(int64(0)), PerQueueCall: new(int64(8)), PerBindCall: new(int64(9))},
			Deadline:   &metav1.Duration{Duration: time.Second},
			Memory:     resource.NewQuantity(1, resource.BinarySI),
			Instances:  new(int32(2)),
			ModuleSize: resource.NewQuantity(2, resource.BinarySI),
			ResultSize: resource.NewQuantity(3, resource.BinarySI),
			Log:        LogLimits{LinesPerSecond: new(int32(3)), Burst: new(int32(4)), LineSize: resource.NewQuantity(5, resource.BinarySI)},
			Events:     EventLimits{PerMinute: new(int32(6)), Burst: new(int32(7))},
		},
		FailurePolicy: FailurePolicyIgnore,
		CircuitBreaker: CircuitBreaker{
			Faults:     new(int32(0)),
			Window:     &metav1.Duration{Duration: 2 * time.Second},
			Backoff:    &metav1.Duration{Duration: 3 * time.Second},
			MaxBackoff: &metav1.Duration{Duration: 4 * time.Second},
		},
		Mode: ModeMonitor,
	}
	want := args.DeepCopy()
	SetDefaults_WasmPluginArgs(args)
	if diff := cmp.Diff(want, args); diff != "" {
		t.Errorf("args (-want,+got):\n%s", diff)
	}
}

func TestMaxBackoffFollowsALongBackoff(t *testing.T) {
	args := &WasmPluginArgs{CircuitBreaker: CircuitBreaker{Backoff: &metav1.Duration{Duration: 10 * time.Minute}}}
	SetDefaults_WasmPluginArgs(args)
	if diff := cmp.Diff(10*time.Minute, args.CircuitBreaker.MaxBackoff.Duration); diff != "" {
		t.Errorf("maxBackoff (-want,+got):\n%s", diff)
	}
}
