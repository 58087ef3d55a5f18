// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package abi is the contract between the host and a guest: the names a module exports and
// imports, status codes, and the memory layout of every record that crosses the boundary.
// docs/abi.md is the same contract in prose, for authors in any language.
//
// The package holds constants and plain structs only, so that it needs nothing but the
// standard library; sdk/go carries a generated copy of it. All integers are little-endian and
// every struct below has the same layout in Go, C and Rust (no implicit padding).
//
// How it may change: within a major version, structs only grow at the end, list entries are
// walked by the stride that the host states, and enumerations only gain values. A reader
// ignores what it does not know and treats what is not there as absent.
package abi

// Version of the contract. A module is loaded when its Major equals the host's; Minor says
// which additions its author could have used and never prevents loading.
const (
	Major uint16 = 1
	Minor uint16 = 0
)

// Magic opens a Descriptor: "STOW" read as a little-endian u32.
const Magic uint32 = 0x574f5453

// Features is what this host supports beyond version 1.0. A module lists the features it
// requires (loading fails without them) and those it can use; the Frame carries the agreed set.
const Features uint64 = 0

// Exports of a guest. All but Describe and Buffer take no parameters: their arguments are in
// the Frame. All return one i32.
const (
	// ExportMemory is the guest's only linear memory.
	ExportMemory = "memory"
	// ExportInitialize runs once after instantiation if the module has it (a WASI reactor does).
	ExportInitialize = "_initialize"
	// ExportDescribe () -> address of a Descriptor that stays valid for the instance's life.
	ExportDescribe = "stowage_describe"
	// ExportBuffer (kind, size) -> address of size bytes, or 0 if the guest has no room. The
	// guest keeps them alive and in place until Buffer is called again for the same kind, or
	// for good. Kinds: see BufferFrame and what follows it.
	ExportBuffer = "stowage_buffer"
	// ExportConfigure is called once, before any extension point, with Frame.Config set. It
	// returns Success, or Error to refuse the config with Frame.Text as the reason.
	ExportConfigure = "stowage_configure"

	ExportPreFilter      = "stowage_pre_filter"
	ExportFilter         = "stowage_filter"
	ExportPreScore       = "stowage_pre_score"
	ExportScore          = "stowage_score"
	ExportNormalizeScore = "stowage_normalize_score"
)

// ImportModule is the module that host functions are imported from.
const ImportModule = "stowage"

// Host functions. Each needs the capability that its comment names; a module that imports one
// without being granted it is refused.
const (
	// ImportLog is log(level, address, length): one line to the scheduler's log. CapabilityLog.
	ImportLog = "log"
	// ImportCount is count(name address, length, delta i64): adds to a counter of the policy.
	// CapabilityMetrics.
	ImportCount = "count"
	// ImportGauge is gauge(name address, length, value f64): sets a gauge of the policy.
	// CapabilityMetrics.
	ImportGauge = "gauge"
	// ImportEvent is event(type, reason address, length, note address, length) -> EventRecorded
	// or EventDropped: an event on the pod of the current cycle. CapabilityEvents.
	ImportEvent = "event"
)

// Capabilities that an operator grants to a policy. None is granted by default.
const (
	CapabilityLog     = "log"
	CapabilityMetrics = "metrics"
	CapabilityEvents  = "events"
	// CapabilityClock makes WASI's clocks real; without it they are deterministic.
	CapabilityClock = "clock"
	// CapabilityRandom makes WASI's random bytes real; without it they are deterministic.
	CapabilityRandom = "random"
	// CapabilityNodeAnnotations allows Descriptor.Reads to have NodeAnnotations.
	CapabilityNodeAnnotations = "nodeAnnotations"
	// CapabilityNodePods allows Descriptor.Reads to have NodePods.
	CapabilityNodePods = "nodePods"
)

// Levels of ImportLog.
const (
	LogDebug uint32 = iota
	LogInfo
	LogWarning
	LogError
)

// Types of ImportEvent.
const (
	EventNormal uint32 = iota
	EventWarning
)

// Results of ImportEvent. An event is dropped if there is no pod that it could be about, as
// during configuration, or if the policy sends more of them than it may.
const (
	EventRecorded uint32 = iota
	EventDropped
)

// Kinds of ExportBuffer. A guest must serve any kind below BufferKinds.
const (
	// BufferFrame holds the Frame and the strides.
	BufferFrame uint32 = iota
	// BufferPod holds the pod record and the state: what belongs to a cycle.
	BufferPod
	// BufferBatch holds slots and results: what belongs to a call.
	BufferBatch
	// BufferScratch holds records of nodes that are not as in the snapshot.
	BufferScratch
	// BufferConfig holds the policy's configuration.
	BufferConfig

	// BufferWindow plus a space number is the window over which the host lays that space. The
	// host does so over the page-aligned part; the guest must not use the bytes for anything.
	BufferWindow uint32 = 16

	BufferKinds uint32 = 32
)

// Points is the set of extension points a module answers; see Descriptor.Points.
type Points uint64

// Bits of Points.
const (
	PointPreFilter Points = 1 << iota
	PointFilter
	PointPreScore
	PointScore
	PointNormalizeScore
)

// Code is the outcome that a guest chose. The numbers are those of the scheduling framework.
type Code uint32

// Codes. Wait and Pending are reserved for extension points that version 1.0 does not have.
const (
	Success Code = iota
	Error
	Unschedulable
	UnschedulableAndUnresolvable
	Wait
	Skip
	Pending
)

// Scores must lie in this range after NormalizeScore, or as returned if there is none.
const (
	MinScore int64 = 0
	MaxScore int64 = 100
)

// AllNodes in Frame.SubsetCount after PreFilter means "no subset".
const AllNodes uint32 = 0xffffffff
