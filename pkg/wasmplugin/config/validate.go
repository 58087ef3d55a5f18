// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

var (
	capabilities = []string{
		abi.CapabilityLog, abi.CapabilityMetrics, abi.CapabilityEvents, abi.CapabilityClock,
		abi.CapabilityRandom, abi.CapabilityNodeAnnotations, abi.CapabilityNodePods,
		abi.CapabilityLedger, abi.CapabilityWaitingPods, abi.CapabilityWake, abi.CapabilitySharedData,
		abi.CapabilityPreemption, abi.CapabilityReclaim, abi.CapabilityBind,
		abi.CapabilityObjects + ":<resource>",
	}
	failurePolicies = []v1alpha1.FailurePolicy{v1alpha1.FailurePolicyFail, v1alpha1.FailurePolicyIgnore}
	modes           = []v1alpha1.Mode{v1alpha1.ModeEnforce, v1alpha1.ModeMonitor}
)

// validate checks defaulted args by themselves; whether the module can be had is its source's concern.
func validate(args *v1alpha1.WasmPluginArgs, path *field.Path) field.ErrorList {
	return slices.Concat(
		validateModule(&args.Module, path.Child("module")),
		validateConfig(args, path),
		validateCapabilities(args.Capabilities, path.Child("capabilities")),
		validateLimits(&args.Limits, path.Child("limits")),
		oneOf(args.FailurePolicy, failurePolicies, path.Child("failurePolicy")),
		validateCircuitBreaker(&args.CircuitBreaker, path.Child("circuitBreaker")),
		oneOf(args.Mode, modes, path.Child("mode")),
		validateCanary(args.Canary, path.Child("canary")),
		validateCanaryMode(args, path.Child("canary")),
		validateShadow(args.Shadow, path.Child("shadow")),
	)
}

// validateConfig checks the config, or where it comes from. A default is never beside configFrom.
func validateConfig(args *v1alpha1.WasmPluginArgs, path *field.Path) field.ErrorList {
	if args.ConfigFrom == nil {
		return validateObjectJSON(args.Config.Raw, path.Child("config"))
	}
	from := path.Child("configFrom")
	var errs field.ErrorList
	if args.Config != nil {
		errs = append(errs, only([]string{"config", "configFrom"}, path)...)
		errs = append(errs, validateObjectJSON(args.Config.Raw, path.Child("config"))...)
	}
	at := args.ConfigFrom.ConfigMap
	if at == nil {
		return append(errs, field.Required(from.Child("configMap"), "say where the config is, as {namespace: ..., name: ..., key: ...}"))
	}
	return append(errs, validateKey(at.Namespace, at.Name, at.Key, from.Child("configMap"))...)
}

func validateObjectJSON(raw []byte, path *field.Path) field.ErrorList {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil || object == nil {
		return field.ErrorList{field.TypeInvalid(path, excerpt(raw), "must be an object")}
	}
	return nil
}

func validateCapabilities(granted []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, capability := range granted {
		at := path.Index(i)
		if !isObjects(capability) {
			errs = append(errs, oneOf(capability, capabilities, at)...)
		}
		if seen[capability] {
			errs = append(errs, field.Duplicate(at, capability))
		}
		seen[capability] = true
	}
	return errs
}

// isObjects tells whether a capability is for a resource: "objects:configmaps", or with its group
// "objects:elasticquotas.scheduling.x-k8s.io".
func isObjects(capability string) bool {
	resource, ok := strings.CutPrefix(capability, abi.CapabilityObjects+":")
	return ok && len(validation.IsDNS1123Subdomain(resource)) == 0
}

func oneOf[T ~string](value T, supported []T, path *field.Path) field.ErrorList {
	if slices.Contains(supported, value) {
		return nil
	}
	return field.ErrorList{field.NotSupported(path, value, supported)}
}

// notBelow drops found problems at or below a field that is known to be wrong: a value of the wrong type is
// not also a missing one. Nor is a union empty of which the only member has the wrong type.
func notBelow(known, found field.ErrorList) field.ErrorList {
	var kept field.ErrorList
	for _, problem := range found {
		if !below(known, problem.Field) && !misread(known, problem) {
			kept = append(kept, problem)
		}
	}
	return kept
}

// misread tells whether what is missing may be there, but with a member of the wrong type.
func misread(known field.ErrorList, problem *field.Error) bool {
	return problem.Type == field.ErrorTypeRequired && slices.ContainsFunc(known, func(k *field.Error) bool {
		member, inside := strings.CutPrefix(k.Field, problem.Field+".")
		return inside && k.Type == field.ErrorTypeTypeInvalid && !strings.ContainsAny(member, ".[")
	})
}

func below(known field.ErrorList, name string) bool {
	for _, problem := range known {
		if name == problem.Field || strings.HasPrefix(name, problem.Field+".") {
			return true
		}
	}
	return false
}
