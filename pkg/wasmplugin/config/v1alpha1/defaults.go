// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Defaults of limits, of the circuit breaker and of sources. The documentation of the fields repeats them.
const (
	DefaultFuelPerCall       int64 = 10_000_000
	DefaultFuelPerNode       int64 = 50_000
	DefaultFuelPerQueueCall  int64 = 1_000_000
	DefaultFuelPerBindCall   int64 = 10_000_000
	DefaultDeadline                = 250 * time.Millisecond
	DefaultMemory            int64 = 64 << 20
	DefaultInstances         int32 = 0
	DefaultModuleSize        int64 = 16 << 20
	DefaultResultSize        int64 = 64 << 10
	DefaultLogLinesPerSecond int32 = 10
	DefaultLogBurst          int32 = 100
	DefaultLogLineSize       int64 = 4 << 10
	DefaultEventsPerMinute   int32 = 10
	DefaultEventBurst        int32 = 10
	DefaultBreakerFaults     int32 = 5
	DefaultBreakerWindow           = time.Minute
	DefaultBreakerBackoff          = 10 * time.Second
	DefaultBreakerMaxBackoff       = 5 * time.Minute
	DefaultPollInterval            = time.Minute
	DefaultThreshold         int32 = 1
)

// SetDefaults_WasmPluginArgs fills what the operator left out. The name's form is what Kubernetes'
// defaulting tools look for.
//
//nolint:revive,staticcheck // the underscore is the convention of Kubernetes defaulters
func SetDefaults_WasmPluginArgs(args *WasmPluginArgs) {
	if args.Config == nil && args.ConfigFrom == nil {
		args.Config = &runtime.RawExtension{Raw: []byte("{}")}
	}
	if args.FailurePolicy == "" {
		args.FailurePolicy = FailurePolicyFail
	}
	if args.Mode == "" {
		args.Mode = ModeEnforce
	}
	setLimits(&args.Limits)
	setCircuitBreaker(&args.CircuitBreaker)
	setModule(&args.Module)
	if args.Canary != nil {
		setModule(&args.Canary.Module)
	}
	if args.Shadow != nil {
		setModule(&args.Shadow.Module)
	}
}

func setModule(module *ModuleSource) {
	if module.HTTP != nil {
		setDefault(&module.HTTP.PollInterval, duration(DefaultPollInterval))
	}
	if module.OCI != nil {
		setDefault(&module.OCI.PollInterval, duration(DefaultPollInterval))
	}
	if module.Verify != nil {
		setDefault(&module.Verify.Threshold, DefaultThreshold)
	}
}

func setLimits(limits *Limits) {
	setDefault(&limits.Fuel.PerCall, DefaultFuelPerCall)
	setDefault(&limits.Fuel.PerNode, DefaultFuelPerNode)
	setDefault(&limits.Fuel.PerQueueCall, DefaultFuelPerQueueCall)
	setDefault(&limits.Fuel.PerBindCall, DefaultFuelPerBindCall)
	setDefault(&limits.Deadline, duration(DefaultDeadline))
	setDefault(&limits.Memory, size(DefaultMemory))
	setDefault(&limits.Instances, DefaultInstances)
	setDefault(&limits.ModuleSize, size(DefaultModuleSize))
	setDefault(&limits.ResultSize, size(DefaultResultSize))
	setDefault(&limits.Log.LinesPerSecond, DefaultLogLinesPerSecond)
	setDefault(&limits.Log.Burst, DefaultLogBurst)
	setDefault(&limits.Log.LineSize, size(DefaultLogLineSize))
	setDefault(&limits.Events.PerMinute, DefaultEventsPerMinute)
	setDefault(&limits.Events.Burst, DefaultEventBurst)
}

func setCircuitBreaker(breaker *CircuitBreaker) {
	setDefault(&breaker.Faults, DefaultBreakerFaults)
	setDefault(&breaker.Window, duration(DefaultBreakerWindow))
	setDefault(&breaker.Backoff, duration(DefaultBreakerBackoff))
	setDefault(&breaker.MaxBackoff, duration(max(DefaultBreakerMaxBackoff, breaker.Backoff.Duration)))
}

func setDefault[T any](at **T, value T) {
	if *at == nil {
		*at = &value
	}
}

func duration(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }

func size(bytes int64) resource.Quantity { return *resource.NewQuantity(bytes, resource.BinarySI) }
