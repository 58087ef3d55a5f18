// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

func validateCanary(canary *v1alpha1.Canary, path *field.Path) field.ErrorList {
	if canary == nil {
		return nil
	}
	errs := append(
		validateModule(&canary.Module, path.Child("module")),
		validateOwnConfig(canary.Config, path.Child("config"))...)
	if canary.Percent == nil && canary.NamespaceSelector == nil {
		errs = append(errs, field.Required(path, "say for which pods, with percent or namespaceSelector"))
	}
	if canary.Percent != nil && canary.NamespaceSelector != nil {
		errs = append(errs, only([]string{"percent", "namespaceSelector"}, path)...)
	}
	if canary.Percent != nil {
		errs = append(errs, between(*canary.Percent, 1, 99, path.Child("percent"))...)
	}
	return append(errs, validateSelector(canary.NamespaceSelector, path.Child("namespaceSelector"))...)
}

// validateCanaryMode refuses a canary of a policy without effect: it would have none either.
func validateCanaryMode(args *v1alpha1.WasmPluginArgs, path *field.Path) field.ErrorList {
	if args.Canary == nil || args.Mode != v1alpha1.ModeMonitor {
		return nil
	}
	return field.ErrorList{field.Forbidden(path, "a policy in mode Monitor decides nothing: use shadow to compare two modules")}
}

func validateShadow(shadow *v1alpha1.Shadow, path *field.Path) field.ErrorList {
	if shadow == nil {
		return nil
	}
	return append(
		validateModule(&shadow.Module, path.Child("module")),
		validateOwnConfig(shadow.Config, path.Child("config"))...)
}

// validateOwnConfig is about the config of a canary or a shadow, of which none means the policy's.
func validateOwnConfig(config *runtime.RawExtension, path *field.Path) field.ErrorList {
	if config == nil {
		return nil
	}
	return validateObjectJSON(config.Raw, path)
}

func validateSelector(selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	if selector == nil {
		return nil
	}
	if len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return field.ErrorList{field.Required(path, "is empty, which selects every namespace: to replace the module for all pods, change args.module")}
	}
	return metav1validation.ValidateLabelSelector(selector, metav1validation.LabelSelectorValidationOptions{}, path)
}
