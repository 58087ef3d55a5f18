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
//	capabilities: [log]
//
// After defaulting, no pointer in it is nil other than those of ModuleSource.
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

	// Capabilities is what the policy may use beyond the pod and the nodes' records. A module that needs more
	// than is granted here is not loaded. Each at most once, of:
	//
	//   log              write lines to the scheduler's log, see limits.log
	//   metrics          keep counters and gauges of its own among the scheduler's metrics
	//   events           record events on the pod that is being scheduled, see limits.events
	//   clock            read the real time; without it, time is the same in every run
	//   random           get real random bytes; without it, they are the same in every run
	//   nodeAnnotations  read the annotations of nodes
	//   nodePods         read the pods on nodes
	//   objects:<resource>  read cluster objects, as in objects:configmaps or
	//                    objects:elasticquotas.scheduling.x-k8s.io
	//   ledger           read what the pods of each account use
	//   waitingPods      release and reject pods that wait at Permit because of this policy
	//   wake             have a pod tried again after a time
	//   sharedData       keep values that all guests of the policy share
	//   preemption       evict pods of lower priority for the pod that is being scheduled
	//   reclaim          with preemption, evict pods of any priority that is not system-critical
	//   bind             bind pods, and annotate them with that
	//
	// Defaults to none.
	// +optional
	Capabilities []string `json:"capabilities,omitempty"`

	// Limits is what the policy may consume.
	// +optional
	Limits Limits `json:"limits,omitzero"`

	// FailurePolicy says what a pod gets when the policy is at fault: it trapped, ran out of a limit, broke the
	// ABI, could not be loaded, or its circuit breaker is open. Fail: the pod is not placed and will be retried.
	// Ignore: the pod is placed as if the policy were not enabled. Defaults to Fail.
	// +optional
	FailurePolicy FailurePolicy `json:"failurePolicy,omitempty"`

	// CircuitBreaker says when a policy with faults is no longer asked.
	// +optional
	CircuitBreaker CircuitBreaker `json:"circuitBreaker,omitzero"`

	// Mode says whether the policy's decisions count. Enforce: they do. Monitor: the policy is asked, and what it
	// would have decided is counted and logged, but has no effect on where pods go. Defaults to Enforce.
	// +optional
	Mode Mode `json:"mode,omitempty"`
}

// FailurePolicy is what a pod gets when a policy is at fault.
type FailurePolicy string

// Values of FailurePolicy.
const (
	FailurePolicyFail   FailurePolicy = "Fail"
	FailurePolicyIgnore FailurePolicy = "Ignore"
)

// Mode is whether a policy's decisions count.
type Mode string

// Values of Mode.
const (
	ModeEnforce Mode = "Enforce"
	ModeMonitor Mode = "Monitor"
)

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
