// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
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
		validateConfig(args.Config.Raw, path.Child("config")),
		validateCapabilities(args.Capabilities, path.Child("capabilities")),
		validateLimits(&args.Limits, path.Child("limits")),
		oneOf(args.FailurePolicy, failurePolicies, path.Child("failurePolicy")),
		validateCircuitBreaker(&args.CircuitBreaker, path.Child("circuitBreaker")),
		oneOf(args.Mode, modes, path.Child("mode")),
	)
}

func validateModule(module *v1alpha1.ModuleSource, path *field.Path) field.ErrorList {
	if module.File == nil {
		return field.ErrorList{field.Required(path.Child("file"), "say where the module is, for example {path: /etc/stowage/policies/my-policy.wasm}")}
	}
	return validatePath(module.File.Path, path.Child("file", "path"))
}

func validatePath(file string, path *field.Path) field.ErrorList {
	if file == "" {
		return field.ErrorList{field.Required(path, "name a .wasm file")}
	}
	if clean := filepath.Clean(file); clean != file {
		return field.ErrorList{field.Invalid(path, file, fmt.Sprintf("must be in its shortest form: write %q", clean))}
	}
	return nil
}

func validateConfig(raw []byte, path *field.Path) field.ErrorList {
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
// not also a missing one.
func notBelow(known, found field.ErrorList) field.ErrorList {
	var kept field.ErrorList
	for _, problem := range found {
		if !below(known, problem.Field) {
			kept = append(kept, problem)
		}
	}
	return kept
}

func below(known field.ErrorList, name string) bool {
	for _, problem := range known {
		if name == problem.Field || strings.HasPrefix(name, problem.Field+".") {
			return true
		}
	}
	return false
}
