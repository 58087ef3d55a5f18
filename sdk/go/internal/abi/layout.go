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
	// SpaceReserved0 and SpaceReserved1 are for later versions.
	SpaceReserved0
	SpaceReserved1
	// SpacePod is the record of the pod being scheduled.
	SpacePod
	// SpaceScratch is what was made for one call: nodes that are not as in the snapshot, other
	// pods, an event, objects, a group.
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
	RecordObject

	NumRecords = 18
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
	// Flags are FrameWaiting and those beside it.
	Flags uint32
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
	// State is the blob that an earlier call left for this pod in NewState.
	State Span
	// Config is the policy's configuration as JSON, while ExportConfigure runs; else empty.
	Config Span
	// Slots is the address of SlotCount u32: the nodes this call is about.
	Slots, SlotCount uint32
	// Results is the address of room for SlotCount results: a Verdict each for Filter, an i64
	// score each for Score and NormalizeScore (for the latter it holds the scores to change).
	Results uint32
	// Other is the address of the PodRecord that AddPod and RemovePod are about.
	Other uint32
	// Event is the address of the Event that QueueingHint is about.
	Event uint32
	// Objects is the address of ObjectCount Objects that ExportObjects is about.
	Objects, ObjectCount uint32
	// Group is the address of the PodGroup that the call is about.
	Group uint32

	// Results, written by the guest. Addresses may be anywhere in its memory and must stay
	// valid until the next call.

	// Text is the reason for the returned code.
	Text Span
	// Reasons is the address of ReasonCount Spans that Verdicts refer to.
	Reasons, ReasonCount uint32
	// NewState is the state for later calls on this pod, unless address and length are 0; PreFilter,
	// AddPod, RemovePod, Reserve, Permit and PreBind may leave one. QueueSort leaves its key here,
	// and Sign its signature.
	NewState Span
	// Subset is the address of SubsetCount slots that PreFilter restricts the pod to, or of the one
	// that PostFilter nominates; SubsetCount AllNodes means no restriction, and no node.
	Subset, SubsetCount uint32
	// TimeoutNanos is how long Permit's Wait may last; the host allows 15 minutes at most.
	TimeoutNanos int64
	// Key names what a pod waits for, after Permit's Wait; see ImportWaiting.
	Key Span
	// Victims is the address of VictimCount Spans: the UIDs of pods to evict.
	Victims, VictimCount uint32
	// Annotations is the address of AnnotationCount Annotations that binding gives the pod.
	Annotations, AnnotationCount uint32
	// Placements is the address of PlacementCount Placements.
	Placements, PlacementCount uint32
	// Needs is the address of the Needs that Configure leaves, or 0.
	Needs uint32
	_     uint32
}

// Needs is what a policy with this configuration wants of the host. All instances must leave the
// same.
type Needs struct {
	// Size of this struct in bytes as the guest knows it.
	Size uint32
	_    uint32
	// Events is the address of EventCount EventNeeds: what may make a pod schedulable that the
	// policy rejected. If the address is 0, that is every event; if only the count is, no event.
	Events, EventCount uint32
	// Objects is the address of ObjectCount ObjectNeeds.
	Objects, ObjectCount uint32
	// Accounts is the address of AccountCount AccountNeeds.
	Accounts, AccountCount uint32
}

// EventNeed is a kind of events.
type EventNeed struct {
	// Resource is one that the scheduler watches: "Pod", "Node", "PersistentVolumeClaim", ...
	Resource Span
	// Actions is a set of ActionAdd and those beside it.
	Actions uint32
	_       uint32
}

// ObjectNeed is a kind of cluster objects that the policy reads. Their changes are events too: they
// wake pods that the policy rejected.
type ObjectNeed struct {
	// Resource is "configmaps.v1" or "elasticquotas.v1alpha1.scheduling.x-k8s.io".
	Resource Span
	// Namespace, LabelSelector and FieldSelector restrict which; empty ones do not.
	Namespace, LabelSelector, FieldSelector Span
}

// AccountNeed is a way to assign pods to accounts.
type AccountNeed struct {
	// Label is the key of the pod label whose value names the account; pods without it belong to
	// none. Empty: the account is the pod's namespace.
	Label Span
}

// Annotation of a pod, from a guest.
type Annotation struct{ Key, Value Span }

// Placement is a set of nodes, from a guest.
type Placement struct {
	Name Span
	// Slots is the address of SlotCount slots.
	Slots, SlotCount uint32
}

// Event is a change in the cluster.
type Event struct {
	// Source is the index in Needs.Events, or, of an object, in Needs.Objects.
	Source uint32
	// Action is ActionAdd, ActionDelete or ActionUpdate.
	Action uint32
	// Kind is EventOfPod and those beside it.
	Kind uint32
	// Old and New are the offsets of records; 0 if there is none.
	Old, New uint32
	_        uint32
}

// Object is a cluster object, or a change of one (RecordObject).
type Object struct {
	// Source is the index in Needs.Objects.
	Source uint32
	// Action is ActionAdd, ActionDelete or ActionUpdate. Of a deleted object the record is what was
	// last known.
	Action                      uint32
	Namespace, Name, UID        Str
	Generation, CreatedUnixNano int64
	Labels                      List // Label, sorted by key
	Annotations                 List // Label, sorted by key
	// JSON is the whole object but its managed fields.
	JSON Str
}

// PodGroup is pods that are scheduled together.
type PodGroup struct {
	Name, Namespace, UID Str
	Labels               List // Label, sorted by key
	Pods                 List // PodRecord
	// MinCount is how many of them must fit.
	MinCount uint32
	_        uint32
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
