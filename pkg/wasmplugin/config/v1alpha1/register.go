// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of Stowage's configuration.
const GroupName = "stowage.dev"

// SchemeGroupVersion is this package's group and version.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

var (
	// SchemeBuilder collects what AddToScheme registers.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes, addDefaults)
	// AddToScheme makes a scheme decode, encode and default the types of this package.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, &WasmPluginArgs{})
	return nil
}

func addDefaults(scheme *runtime.Scheme) error {
	scheme.AddTypeDefaultingFunc(&WasmPluginArgs{}, func(obj any) {
		if args, ok := obj.(*WasmPluginArgs); ok {
			SetDefaults_WasmPluginArgs(args)
		}
	})
	return nil
}
