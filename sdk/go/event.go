// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// EventType is the type of a Kubernetes event.
type EventType uint32

// Types of events.
const (
	// EventNormal says what happened.
	EventNormal = EventType(abi.EventNormal)
	// EventWarning says what somebody should look at.
	EventWarning = EventType(abi.EventWarning)
)

// String is the name that Kubernetes has for the type.
func (t EventType) String() string { return name(t, "Normal", "Warning") }

// Event records an event on the pod that is being scheduled. The policy needs the capability
// "events"; one that does not call it does not import it.
//
// The reason is a word in UpperCamelCase of at most 128 letters and digits, and anything else is
// a fault. The note is for people; 768 bytes of it are kept. There is no need to repeat the reason
// of a refusal: the scheduler makes an event of that itself.
//
// It returns false if the event was dropped: in Configure, because there is no pod, and when the
// policy records more of them than the operator allows, which is a few per minute.
func Event(t EventType, reason, note string) bool {
	return hostEvent(uint32(t), reason, note) == abi.EventRecorded
}
