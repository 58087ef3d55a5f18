// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// Rules are what whoever runs a scheduler demands of all its policies, beyond what makes their args valid.
type Rules struct {
	// Reserved are names that policies must not have: those of the scheduler's own plugins.
	Reserved []string
	// Digest demands that every module is pinned, and Signature that every module must be signed by somebody. They
	// include the modules of canaries and shadows, which run in the scheduler like any other.
	Digest, Signature bool
}

const (
	needsDigest = "this scheduler runs only modules that are pinned: give the module's sha256:..., as sha256sum prints it, " +
		"or for oci the manifest's, as crane digest prints it"
	needsSignature = "this scheduler runs only modules that are signed: say by whom, for example {keys: [{name: ..., pem: ...}]}"
)

// check reports the modules that break the rules.
func (r Rules) check(args *v1alpha1.WasmPluginArgs, path *field.Path) field.ErrorList {
	errs := r.checkModule(&args.Module, path.Child("module"))
	if args.Canary != nil {
		errs = append(errs, r.checkModule(&args.Canary.Module, path.Child("canary", "module"))...)
	}
	if args.Shadow != nil {
		errs = append(errs, r.checkModule(&args.Shadow.Module, path.Child("shadow", "module"))...)
	}
	return errs
}

func (r Rules) checkModule(module *v1alpha1.ModuleSource, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if r.Digest && module.Digest == "" {
		errs = append(errs, field.Required(path.Child("digest"), needsDigest))
	}
	if r.Signature && module.Verify == nil {
		errs = append(errs, field.Required(path.Child("verify"), needsSignature))
	}
	return errs
}
