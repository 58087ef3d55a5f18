// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// validateLimits checks the ranges that the documentation of the fields states.
func validateLimits(limits *v1alpha1.Limits, path *field.Path) field.ErrorList {
	return slices.Concat(
		between(*limits.Fuel.PerCall, 1000, 1_000_000_000_000, path.Child("fuel", "perCall")),
		between(*limits.Fuel.PerQueueCall, 1000, 100_000_000, path.Child("fuel", "perQueueCall")),
		between(*limits.Fuel.PerBindCall, 1000, 1_000_000_000_000, path.Child("fuel", "perBindCall")),
		between(*limits.Fuel.PerNode, 0, 1_000_000_000, path.Child("fuel", "perNode")),
		between(limits.Deadline.Duration, time.Millisecond, 10*time.Second, path.Child("deadline")),
		sized(limits.Memory, "1Mi", "2Gi", path.Child("memory")),
		between(*limits.Instances, 0, 64, path.Child("instances")),
		sized(limits.ModuleSize, "1Ki", "64Mi", path.Child("moduleSize")),
		sized(limits.ResultSize, "1Ki", "16Mi", path.Child("resultSize")),
		between(*limits.Log.LinesPerSecond, 1, 10_000, path.Child("log", "linesPerSecond")),
		between(*limits.Log.Burst, 1, 10_000, path.Child("log", "burst")),
		sized(limits.Log.LineSize, "64", "64Ki", path.Child("log", "lineSize")),
		between(*limits.Events.PerMinute, 1, 600, path.Child("events", "perMinute")),
		between(*limits.Events.Burst, 1, 600, path.Child("events", "burst")),
	)
}

func validateCircuitBreaker(breaker *v1alpha1.CircuitBreaker, path *field.Path) field.ErrorList {
	errs := slices.Concat(
		between(*breaker.Faults, 0, 100, path.Child("faults")),
		between(breaker.Window.Duration, time.Second, time.Hour, path.Child("window")),
		between(breaker.Backoff.Duration, 100*time.Millisecond, time.Hour, path.Child("backoff")),
	)
	return append(errs, between(breaker.MaxBackoff.Duration, breaker.Backoff.Duration, 24*time.Hour, path.Child("maxBackoff"))...)
}

func between[T cmp.Ordered](value, least, most T, path *field.Path) field.ErrorList {
	if value >= least && value <= most {
		return nil
	}
	return field.ErrorList{field.Invalid(path, fmt.Sprint(value), fmt.Sprintf("must be between %v and %v", least, most))}
}

// sized compares quantities and not their values in bytes, which could be too large for an integer.
func sized(value *resource.Quantity, least, most string, path *field.Path) field.ErrorList {
	if value.Cmp(resource.MustParse(least)) >= 0 && value.Cmp(resource.MustParse(most)) <= 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value.String(), fmt.Sprintf("must be between %s and %s", least, most))}
}
