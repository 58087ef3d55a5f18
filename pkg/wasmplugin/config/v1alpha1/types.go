// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Kind is the kind of the only type in this group.
const Kind = "WasmPluginArgs"

// WasmPluginArgs configures one policy: a scheduler plugin whose extension points are answered by a
// WebAssembly module. It is the value of profiles[].pluginConfig[].args; the name beside it names the policy.
//
//	apiVersion: stowage.dev/v1alpha1
//	kind: WasmPluginArgs
//	module:
//	  file: {path: /etc/stowage/policies/zone-affinity.wasm}
//	config: {zoneKey: topology.kubernetes.io/zone}
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type WasmPluginArgs struct {
	metav1.TypeMeta `json:",inline"`

	// Module says where the policy's WebAssembly module is. Required.
	Module ModuleSource `json:"module"`

	// Config is handed to the policy verbatim, as JSON; its meaning is the policy's own.
	// It must be a JSON object. Defaults to {}, so that a policy always reads an object.
	// +optional
	Config *runtime.RawExtension `json:"config,omitempty"`
}

// ModuleSource is a union: exactly one of its fields must be set.
type ModuleSource struct {
	// File reads the module from the scheduler's own file system.
	// +optional
	File *FileSource `json:"file,omitempty"`
}

// FileSource is a module in a file.
type FileSource struct {
	// Path of a core WebAssembly module. Absolute, or relative to the scheduler's working directory, and in
	// its shortest form: no "./", no doubled or trailing slash, no ".." that follows a name.
	// The file must exist, be readable and not be empty when the scheduler starts. Required.
	Path string `json:"path"`
}
