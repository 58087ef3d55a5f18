// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/apimachinery/pkg/runtime"

// SetDefaults_WasmPluginArgs fills what the operator left out. The name's form is what Kubernetes'
// defaulting tools look for.
//
//nolint:revive,staticcheck // the underscore is the convention of Kubernetes defaulters
func SetDefaults_WasmPluginArgs(args *WasmPluginArgs) {
	if args.Config == nil {
		args.Config = &runtime.RawExtension{Raw: []byte("{}")}
	}
}
