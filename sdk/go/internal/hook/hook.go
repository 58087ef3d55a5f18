// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hook joins the two ends that can run a policy to package stowage: the Wasm exports,
// and stowagetest on the author's machine. It exists so that neither adds to the API that
// authors see. A Driver serves one call at a time; the caller owns the Call and the memory
// that it points to.
package hook

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Call is an abi.Frame with addresses turned into Go pointers, so that the same code serves
// 32-bit linear memory and a test's memory.
type Call struct {
	Cycle, Epoch uint64
	Bases        [abi.NumSpaces]unsafe.Pointer
	// Strides points to abi.NumRecords or more numbers.
	Strides   *[abi.NumRecords]uint32
	NodeCount uint32
	Scratch   unsafe.Pointer
	Pod       unsafe.Pointer
	State     []byte
	Config    []byte
	Slots     []uint32
	// Undo calls RemovePod instead of AddPod, and Unreserve instead of Reserve.
	Undo bool
	// Flags are abi.FrameWaiting and those beside it.
	Flags uint32
	// Other, Event, Objects and Group are those of the frame; nil where there is none.
	Other, Event, Objects, Group unsafe.Pointer
	ObjectCount                  uint32
	// Verdicts is as long as Slots in a Filter call, Scores in Score and NormalizeScore.
	// ScorePlacement has one of Scores.
	Verdicts []abi.Verdict
	Scores   []int64
	// Ranks has room for all pods of the nodes in RankVictims.
	Ranks unsafe.Pointer

	// What the call leaves; valid until the next one.

	Text     string
	Reasons  []string
	NewState []byte
	// Restricted tells an empty Subset from none.
	Restricted   bool
	Subset       []uint32
	TimeoutNanos int64
	Key          string
	Victims      []string
	Annotations  []Annotation
	Placements   []Placement
}

// Annotation that binding gives the pod.
type Annotation struct{ Key, Value string }

// Placement is a set of nodes by their slots.
type Placement struct {
	Name  string
	Slots []uint32
}

// Clear drops what the call before left.
func (c *Call) Clear() {
	c.Text, c.Reasons, c.NewState, c.Restricted, c.Subset = "", nil, nil, false, nil
	c.TimeoutNanos, c.Key, c.Victims, c.Annotations, c.Placements = 0, "", nil, nil, nil
}

// Driver runs one policy.
type Driver interface {
	Points() abi.Points
	Reads() abi.Parts
	Configure(*Call) abi.Code
	// Run serves one extension point, which must be one of Points.
	Run(abi.Points, *Call) abi.Code
}

// New makes a Driver for a policy. Package stowage sets it.
var New func(policy any, reads uint64) Driver
