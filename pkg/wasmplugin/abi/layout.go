// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package abi

// Parts is a set of optional parts of the records. A policy declares the parts it reads
// (Descriptor.Reads); the host fills only parts that some policy declared.
type Parts uint64

// Parts of a node. Name, zone, region, flags, allocatable, requested and the pod count are
// always there.
const (
	NodeLabels Parts = 1 << iota
	NodeTaints
	// NodeExtended is allocatable and requested of extended resources (GPUs, huge pages, ...).
	NodeExtended
	NodeConditions
	NodeImages
	NodeAnnotations
	// NodePods is the pods on each node.
	NodePods
	// NodePorts is the host ports in use.
	NodePorts
	// NodeTable is the table as a whole. Without it NodeCount is 0, PreFilter gets no slots, and
	// only records of slots that a call is about are up to date; with it all are, for which the
	// host looks at every node in each cycle.
	NodeTable
)

// Parts of the pod that is being scheduled. Name, namespace, UID, priority, totals of requests
// and limits, and flags are always there.
const (
	PodLabels Parts = 1 << (32 + iota)
	PodAnnotations
	PodTolerations
	// PodAffinity is the node selector, node and pod (anti-)affinity, and topology spread.
	PodAffinity
	// PodContainers is each container with its image, ports, requests and limits.
	PodContainers
	PodVolumes
	PodOwners
)

// KnownParts is every part of this version; a module that declares another is refused.
const KnownParts = NodeLabels | NodeTaints | NodeExtended | NodeConditions | NodeImages |
	NodeAnnotations | NodePods | NodePorts | NodeTable |
	PodLabels | PodAnnotations | PodTolerations | PodAffinity | PodContainers | PodVolumes | PodOwners

// Spaces: what the top bits of a Str or List offset select. Frame.Bases has the address of each.
const (
	// SpaceNodes is the table of node records; no offset points into it.
	SpaceNodes uint32 = iota
	// SpaceData is what node records refer to, annotations and pods apart.
	SpaceData
	SpaceAnnotations
	SpacePods
	// SpaceLedger and SpaceObjects are reserved.
	SpaceLedger
	SpaceObjects
	// SpacePod is the record of the pod being scheduled.
	SpacePod
	// SpaceScratch is records made for one call: nodes that are not as in the snapshot.
	SpaceScratch

	NumSpaces = 8
)

// An offset counts words of WordSize bytes within its space: address = Bases[off>>SpaceShift]
// + (off&OffsetMask)*WordSize. So a space holds up to 2 GiB.
const (
	SpaceShift = 29
	OffsetMask = 1<<SpaceShift - 1
	WordSize   = 4
)

// ScratchSlot set in a slot number selects record slot&^ScratchSlot of Frame.Scratch.
const ScratchSlot uint32 = 1 << 31

// Records whose stride the host states in Frame.Strides, in this order. Str, List, Label and
// Span are frozen.
const (
	RecordNode uint32 = iota
	RecordTaint
	RecordExtended
	RecordCondition
	RecordImage
	RecordPort
	RecordPodOnNode
	RecordPod
	RecordToleration
	RecordExpression
	RecordNodeTerm
	RecordPodTerm
	RecordSpread
	RecordContainer
	RecordVolume
	RecordQuantity
	RecordOwner

	NumRecords = 17
)

// Descriptor is what a guest says about itself; Describe returns its address.
type Descriptor struct {
	Magic uint32
	// Size of this struct in bytes as the guest knows it.
	Size         uint32
	Major, Minor uint16
	_            uint32
	// Required features must be supported by the host; Optional ones may be.
	Required, Optional uint64
	// Points the policy answers; each needs its export.
	Points Points
	// Reads is the parts the policy reads.
	Reads Parts
	// Producer is who built the module, for people: "sdk/go 0.1".
	Producer Span
}

// Frame is a call's arguments and results, at the start of the BufferFrame buffer. The host
// writes it before each call and clears the results; the guest writes only the fields below "results".
type Frame struct {
	// Size of this struct in bytes as the host knows it.
	Size uint32
	_    uint32
	// Cycle changes whenever Pod or State does: what a guest derived from them is stale.
	Cycle uint64
	// Epoch changes whenever a string that the guest has seen in a resident space may have
	// moved. While it stays, equal keys and values of labels and taints, annotation keys and
	// resource names of one resident space have equal offsets; names and UIDs of pods and
	// annotation values do not.
	Epoch uint64
	// Features agreed on, and parts that the records carry.
	Features uint64
	Parts    Parts
	// Bases is the address of each space; 0 if it is not mapped into this guest.
	Bases [NumSpaces]uint32
	// Strides is the address of NumRecords (or more) u32.
	Strides uint32
	// NodeCount is the number of slots in the node table, free ones included; 0 without NodeTable.
	NodeCount uint32
	// Scratch is the address of the node records that slots with ScratchSlot select.
	Scratch uint32
	// Pod is the address of the PodRecord.
	Pod uint32
	// State is the blob that PreFilter returned for this pod.
	State Span
	// Config is the policy's configuration as JSON, while ExportConfigure runs; else empty.
	Config Span
	// Slots is the address of SlotCount u32: the nodes this call is about.
	Slots, SlotCount uint32
	// Results is the address of room for SlotCount results: a Verdict each for Filter, an i64
	// score each for Score and NormalizeScore (for the latter it holds the scores to change).
	Results uint32
	_       uint32

	// Results, written by the guest. Addresses may be anywhere in its memory and must stay
	// valid until the next call.

	// Text is the reason for the returned code.
	Text Span
	// Reasons is the address of ReasonCount Spans that Verdicts refer to.
	Reasons, ReasonCount uint32
	// NewState is the state that PreFilter leaves for later calls on this pod.
	NewState Span
	// Subset is the address of SubsetCount slots that PreFilter restricts the pod to;
	// SubsetCount AllNodes means no restriction.
	Subset, SubsetCount uint32
}

// Span is bytes by address.
type Span struct{ Addr, Len uint32 }

// Verdict packs a Filter result: the Code in the low 8 bits, the reason above them (1 + its
// index in Frame.Reasons; 0: none).
type Verdict uint32

// MakeVerdict packs a code and a reason number (0: none).
func MakeVerdict(c Code, reason uint32) Verdict { return Verdict(uint32(c)&0xff | reason<<8) }

// Code of the verdict.
func (v Verdict) Code() Code { return Code(v & 0xff) }

// Reason is 1 + the index in Frame.Reasons, or 0.
func (v Verdict) Reason() uint32 { return uint32(v >> 8) }

// Str is a UTF-8 string: Len bytes at Off.
type Str struct{ Off, Len uint32 }

// List is Count entries at Off.
type List struct{ Off, Count uint32 }

// Label is a key with a value: a label, an annotation, one pair of a selector.
type Label struct{ Key, Value Str }
