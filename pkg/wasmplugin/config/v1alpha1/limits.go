// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Limits is what one policy of one profile may consume. A call that exceeds a limit is a fault, of which
// failurePolicy decides what the pod gets, unless the limit's own description says otherwise.
type Limits struct {
	// Fuel bounds the work of one call, independently of how fast or busy the machine is.
	// +optional
	Fuel FuelLimits `json:"fuel,omitzero"`

	// Deadline is how long the policies of a profile may take in one scheduling cycle, all of them together in
	// wall-clock time, before calls of this policy are ended. What the scheduler does between calls does not count.
	// It is checked while a guest runs and between chunks of nodes. Unlike fuel it depends on the machine's load, so it is the second line of defence: it keeps
	// several policies that each stay within their fuel from holding up the scheduler together.
	// From 1ms to 10s, defaults to 250ms.
	// +optional
	Deadline *metav1.Duration `json:"deadline,omitempty"`

	// Memory is how much linear memory each guest of the policy may use for itself, besides the windows over which
	// the host lays nodes and pods. Growing beyond it fails inside of the guest, which most languages answer with a
	// trap. From 1Mi to 2Gi, defaults to 64Mi. The scheduler's flag --policy-memory bounds all guests together.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`

	// Instances is how many guests of the policy may run scheduling cycles at the same time; filtering uses several.
	// A policy may have 2 more for the scheduling queue and 2 for binding. They are made with each generation.
	// From 0 to 64, where 0 is one for each CPU that the scheduler may use, but at most 16, which is how many nodes
	// the scheduler filters at the same time. Defaults to 0.
	// +optional
	Instances *int32 `json:"instances,omitempty"`

	// ModuleSize is how large the module may be, decompressed. A larger one is not loaded, and not read to its end.
	// From 1Ki to 64Mi, defaults to 16Mi.
	// +optional
	ModuleSize *resource.Quantity `json:"moduleSize,omitempty"`

	// ResultSize is how many bytes one call may return besides verdicts and scores: the state that PreFilter and
	// PreScore keep, the subset of nodes, reasons. From 1Ki to 16Mi, defaults to 64Ki.
	// +optional
	ResultSize *resource.Quantity `json:"resultSize,omitempty"`

	// Log bounds what the policy writes to the scheduler's log with the capability log. What is more is dropped
	// and counted; it is not a fault.
	// +optional
	Log LogLimits `json:"log,omitzero"`

	// Events bounds the events that the policy records with the capability events. What is more is dropped and
	// counted; it is not a fault.
	// +optional
	Events EventLimits `json:"events,omitzero"`
}

// FuelLimits is in units of about one WebAssembly instruction each; a core executes some hundred million to a
// few billion of them in a second. A call about n nodes may use perCall + n * perNode.
type FuelLimits struct {
	// PerCall is for what a call does once, such as reading the pod or collecting garbage. Starting and configuring
	// a guest is not such a call: it may use 2^28 units.
	// From 1000 to 1000000000000, defaults to 10000000.
	// +optional
	PerCall *int64 `json:"perCall,omitempty"`

	// PerNode is added for each node that the call is about. From 0 to 1000000000, defaults to 50000.
	// +optional
	PerNode *int64 `json:"perNode,omitempty"`

	// PerQueueCall is for a call while the scheduling queue is locked, which holds up all scheduling: PreEnqueue,
	// QueueSort, Sign and QueueingHint. From 1000 to 100000000, defaults to 1000000.
	// +optional
	PerQueueCall *int64 `json:"perQueueCall,omitempty"`

	// PerBindCall is for a call about a pod that has its node, from PreBind on, and for Unreserve. These run beside
	// scheduling. From 1000 to 1000000000000, defaults to 10000000.
	// +optional
	PerBindCall *int64 `json:"perBindCall,omitempty"`
}

// LogLimits are shared by all guests of a policy.
type LogLimits struct {
	// LinesPerSecond is the rate of lines in the long run. From 1 to 10000, defaults to 10.
	// +optional
	LinesPerSecond *int32 `json:"linesPerSecond,omitempty"`

	// Burst is how many lines may be written at once after a time of silence. From 1 to 10000, defaults to 100.
	// +optional
	Burst *int32 `json:"burst,omitempty"`

	// LineSize is how many bytes of a line are kept; the rest is cut off. From 64 to 64Ki, defaults to 4Ki.
	// +optional
	LineSize *resource.Quantity `json:"lineSize,omitempty"`
}

// EventLimits are shared by all guests of a policy. Events are writes to the API server, so they are few.
type EventLimits struct {
	// PerMinute is the rate of events in the long run. From 1 to 600, defaults to 10.
	// +optional
	PerMinute *int32 `json:"perMinute,omitempty"`

	// Burst is how many events may be recorded at once after a time of silence. From 1 to 600, defaults to 10.
	// +optional
	Burst *int32 `json:"burst,omitempty"`
}

// CircuitBreaker says when a policy with faults is no longer asked, so that it costs neither time nor new guests:
// after faults in the scheduling of enough different pods within the window. While it is open failurePolicy
// decides what pods get. After a backoff one scheduling cycle asks the policy again: if that ends without a
// fault the breaker closes, else it stays open for twice as long.
type CircuitBreaker struct {
	// Faults is the number of different pods at whose scheduling the policy must have been at fault. A pod that is
	// retried counts once, so that a single pod that a policy cannot cope with does not disable the policy
	// for others; nor do several, while at least as many attempts go well. From 0 to 100, where 0 means that the breaker never opens. Defaults to 5.
	// +optional
	Faults *int32 `json:"faults,omitempty"`

	// Window is the time in which the faults must have happened. From 1s to 1h, defaults to 1m.
	// +optional
	Window *metav1.Duration `json:"window,omitempty"`

	// Backoff is how long the breaker stays open at first. It varies by 10 percent, so that policies that failed
	// together are not asked again together. From 100ms to 1h, defaults to 10s.
	// +optional
	Backoff *metav1.Duration `json:"backoff,omitempty"`

	// MaxBackoff is the most that the backoff grows to, doubling each time. From backoff to 24h, defaults to 5m,
	// or to backoff if that is more.
	// +optional
	MaxBackoff *metav1.Duration `json:"maxBackoff,omitempty"`
}
