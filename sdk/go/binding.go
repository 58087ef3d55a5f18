// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// What is in this file is about the one node that was chosen, as it was when it was chosen. PreBind, Bind
// and PostBind run beside the scheduling of other pods. Cycle.Nodes has no nodes.

// ReservePlugin notes that a pod takes what it needs, before it is bound.
type ReservePlugin interface {
	// Reserve returns Unschedulable if the pod cannot have what it needs.
	Reserve(c *Cycle, pod *Pod, node *Node) Status
	// Unreserve takes back what Reserve did, or would have done: it is called whenever the pod is not
	// bound after all, also if Reserve failed, and must not mind being called twice.
	Unreserve(c *Cycle, pod *Pod, node *Node)
}

// PermitPlugin has a last say before a pod is bound.
type PermitPlugin interface {
	// Permit allows, denies, or makes the pod wait with its node reserved. If Cycle.Waiting, it is asked
	// again about a pod that waits.
	Permit(c *Cycle, pod *Pod, node *Node) PermitResult
}

// PermitResult is what Permit decides. The zero PermitResult allows.
type PermitResult struct {
	status  Status
	timeout Duration
	key     string
}

// Allow lets the pod be bound.
func Allow() PermitResult { return PermitResult{} }

// Deny gives the pod's node up for a reason; the status is Unschedulable, UnschedulableAndUnresolvable or
// Error.
func Deny(s Status) PermitResult { return PermitResult{status: s} }

// Wait makes the pod wait, 15 minutes at most, and then denies it. The key, of at most 256 bytes, names
// what it waits for: AllowWaiting and RejectWaiting end the wait of all pods of a key. If Cycle.Waiting,
// the pod waits on, and its timeout stays as it was.
func Wait(timeout Duration, key string) PermitResult {
	return PermitResult{Status{code: CodeWait}, timeout, key}
}

// Status of the result; its code is CodeWait for Wait.
func (r PermitResult) Status() Status { return r.status }

// Timeout and Key of a Wait.
func (r PermitResult) Timeout() Duration { return r.timeout }

// Key of a Wait.
func (r PermitResult) Key() string { return r.key }

// PreBindPreFlightPlugin tells in advance whether PreBind has anything to do.
type PreBindPreFlightPlugin interface {
	// PreBindPreFlight returns Skip if PreBind need not be called for the pod.
	PreBindPreFlight(c *Cycle, pod *Pod, node *Node) Status
}

// PreBindPlugin does what has to be done before a pod is bound.
type PreBindPlugin interface {
	PreBind(c *Cycle, pod *Pod, node *Node) Status
}

// BindPlugin decides how a pod is bound. It needs the capability "bind".
type BindPlugin interface {
	// Bind returns Success to have the host bind the pod to the node, or Skip to leave it to the next
	// plugin.
	Bind(c *Cycle, pod *Pod, node *Node) (BindResult, Status)
}

// BindResult is what binding gives the pod besides its node.
type BindResult struct {
	// Annotations for the pod: 16 at most, of at most 4 KiB each.
	Annotations []Annotation
}

// Annotation of a pod.
type Annotation struct{ Key, Value string }

// PostBindPlugin hears that a pod was bound.
type PostBindPlugin interface {
	PostBind(c *Cycle, pod *Pod, node *Node)
}

// Waiting tells that Permit is asked again about a pod that waits.
func (c *Cycle) Waiting() bool { return c.flags&abi.FrameWaiting != 0 }

// Simulated tells that the scheduler tries out whether a group of pods fits, and takes all of it back:
// Reserve will be followed by Unreserve.
func (c *Cycle) Simulated() bool { return c.flags&abi.FrameSimulated != 0 }
