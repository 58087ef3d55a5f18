// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config turns what an operator wrote into checked, defaulted WasmPluginArgs.
//
// It decodes strictly and reports every problem at once, each with its full field path, because an operator
// who fixes one mistake per restart of a scheduler is an unhappy one. LoadSchedulerConfig serves the start of
// the process; Load serves a plugin's factory, which receives the same args again from the scheduler.
// The package keeps no state: nothing needs closing and all functions may be called concurrently.
package config

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// Load returns the args that the scheduler passes to a plugin's factory. They arrive as *runtime.Unknown,
// because the scheduler does not know the kind; args that are typed already are taken as a copy.
// Problems are reported below path; args are nil if there is any.
func Load(obj runtime.Object, path *field.Path) (*v1alpha1.WasmPluginArgs, field.ErrorList) {
	switch obj := obj.(type) {
	case nil:
		return nil, field.ErrorList{missing(path)}
	case *runtime.Unknown:
		return LoadJSON(obj.Raw, path)
	case *v1alpha1.WasmPluginArgs:
		args := obj.DeepCopy()
		v1alpha1.SetDefaults_WasmPluginArgs(args)
		return valid(args, validate(args, path))
	default:
		detail := fmt.Sprintf("must be %s, not %T", v1alpha1.Kind, obj)
		return nil, field.ErrorList{field.TypeInvalid(path, obj.GetObjectKind().GroupVersionKind().String(), detail)}
	}
}

// LoadJSON is Load for args in their JSON form.
func LoadJSON(raw []byte, path *field.Path) (*v1alpha1.WasmPluginArgs, field.ErrorList) {
	return valid(inspect(raw, path))
}

// inspect returns whatever could be decoded, even beside problems, so that more of it can be checked.
func inspect(raw []byte, path *field.Path) (*v1alpha1.WasmPluginArgs, field.ErrorList) {
	if len(raw) == 0 {
		return nil, field.ErrorList{missing(path)}
	}
	args, errs := decode(raw, path)
	if args == nil {
		return nil, errs
	}
	v1alpha1.SetDefaults_WasmPluginArgs(args)
	return args, append(errs, notBelow(errs, validate(args, path))...)
}

// valid withholds args that have problems.
func valid(args *v1alpha1.WasmPluginArgs, errs field.ErrorList) (*v1alpha1.WasmPluginArgs, field.ErrorList) {
	if len(errs) > 0 {
		return nil, errs
	}
	return args, nil
}

func missing(path *field.Path) *field.Error {
	return field.Required(path, fmt.Sprintf("add apiVersion: %s, kind: %s and module", v1alpha1.SchemeGroupVersion, v1alpha1.Kind))
}
