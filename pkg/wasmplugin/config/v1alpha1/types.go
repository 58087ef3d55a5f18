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
//	  configMap: {namespace: stowage-system, name: zone-affinity, key: policy.wasm.gz}
//	config: {zoneKey: topology.kubernetes.io/zone}
//	capabilities: [log]
//
// After defaulting, what has a default is not nil. What has none is nil if it was left out: sources, verify,
// configFrom, canary and shadow, and config if there is configFrom.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type WasmPluginArgs struct {
	metav1.TypeMeta `json:",inline"`

	// Module says where the policy's WebAssembly module is. Required.
	Module ModuleSource `json:"module"`

	// Config is handed to the policy verbatim, as JSON; its meaning is the policy's own.
	// It must be a JSON object. Defaults to {}, so that a policy always reads an object. If configFrom is set,
	// config must not be.
	// +optional
	Config *runtime.RawExtension `json:"config,omitempty"`

	// ConfigFrom says where the config is, if it is not here. It is watched: a new config is tried like a new
	// module, and one that the policy refuses changes nothing. Defaults to none.
	// +optional
	ConfigFrom *ConfigSource `json:"configFrom,omitempty"`

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

	// Canary tries another module on some of the pods. Defaults to none.
	// +optional
	Canary *Canary `json:"canary,omitempty"`

	// Shadow tries another module without effect. Defaults to none.
	// +optional
	Shadow *Shadow `json:"shadow,omitempty"`
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
