// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Code is the outcome of a call, with the scheduling framework's meaning.
type Code uint32

// The codes that a policy can return.
const (
	CodeSuccess                      = Code(abi.Success)
	CodeError                        = Code(abi.Error)
	CodeUnschedulable                = Code(abi.Unschedulable)
	CodeUnschedulableAndUnresolvable = Code(abi.UnschedulableAndUnresolvable)
	// CodeWait is for Permit only; see Wait.
	CodeWait = Code(abi.Wait)
	CodeSkip = Code(abi.Skip)
)

var codeNames = [...]string{
	"Success", "Error", "Unschedulable", "UnschedulableAndUnresolvable", "Wait", "Skip", "Pending",
}

// String is the framework's name of the code.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "Unknown"
}

// Status is what a policy answers. The zero Status is success. Statuses compare with ==.
type Status struct {
	code   Code
	reason string
}

// Success lets the pod or node pass.
func Success() Status { return Status{} }

// Unschedulable refuses the pod or node for a reason that removing other pods could change, so
// preemption may try. Users see the reason in the pod's events, with the number of nodes that
// gave it: keep it short, and the same for nodes that fail alike.
func Unschedulable(reason string) Status { return Status{CodeUnschedulable, reason} }

// UnschedulableAndUnresolvable refuses the pod or node for a reason that removing pods cannot
// change: preemption does not try this node.
func UnschedulableAndUnresolvable(reason string) Status {
	return Status{CodeUnschedulableAndUnresolvable, reason}
}

// Skip says that the policy has nothing to do for this pod. PreFilter, PreScore, PreBindPreFlight and
// Bind may return it; then Filter, Score or PreBind is not called for the pod, or another plugin binds it.
func Skip() Status { return Status{code: CodeSkip} }

// Error says that the policy could not decide. The pod is retried; the reason goes to the
// scheduler's log and the pod's events.
func Error(reason string) Status { return Status{CodeError, reason} }

// Code of the status.
func (s Status) Code() Code { return s.code }

// Reason given with the status.
func (s Status) Reason() string { return s.reason }

// IsSuccess reports whether the status is success.
func (s Status) IsSuccess() bool { return s.code == CodeSuccess }

// same reports whether two statuses share code and reason without reading the reasons.
func (s Status) same(t Status) bool {
	return s.code == t.code && len(s.reason) == len(t.reason) &&
		unsafe.StringData(s.reason) == unsafe.StringData(t.reason)
}

// String is the code and the reason, for test messages.
func (s Status) String() string {
	if s.reason == "" {
		return s.code.String()
	}
	return s.code.String() + ": " + s.reason
}
