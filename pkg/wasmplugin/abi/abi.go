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

	// ExportObjects tells an instance of changes of the objects that Needs declared, before its
	// next call: all of them once, then what changed. Frame.Objects has them.
	ExportObjects = "stowage_objects"
	// ExportIdle is called now and then between calls, if the module has it, with fuel of its own:
	// a runtime collects its garbage here, so that it need not during a call. Its result is ignored.
	ExportIdle = "stowage_idle"

	ExportPreFilter      = "stowage_pre_filter"
	ExportFilter         = "stowage_filter"
	ExportPreScore       = "stowage_pre_score"
	ExportScore          = "stowage_score"
	ExportNormalizeScore = "stowage_normalize_score"

	// ExportAddPod and ExportRemovePod change the state as if Frame.Other were on the node in
	// Frame.Slots, or were not. The record of the node is as it is with that change, except that of
	// another node than the one under consideration, which may be without it.
	ExportAddPod    = "stowage_add_pod"
	ExportRemovePod = "stowage_remove_pod"

	// These run while the scheduling queue is locked, on instances that see nothing but the pod
	// and declared objects.

	ExportPreEnqueue = "stowage_pre_enqueue"
	// ExportQueueSort leaves a key in Frame.NewState. The queue is in the order of the keys' bytes.
	ExportQueueSort = "stowage_queue_sort"
	// ExportSign leaves a signature in Frame.NewState: the policy treats pods with equal ones alike
	// as long as the cluster does not change. Unschedulable refuses to sign.
	ExportSign = "stowage_sign"
	// ExportQueueingHint tells whether Frame.Event may have made the pod schedulable that the
	// policy rejected: Success to try it again, Skip to leave it.
	ExportQueueingHint = "stowage_queueing_hint"

	// ExportPostFilter says how the pod could be placed after all: Frame.Subset has the nominated
	// node, Frame.Victims pods to evict. Frame.Slots has the nodes on which that can help.
	ExportPostFilter = "stowage_post_filter"
	// ExportRankVictims ranks all pods of the nodes in Frame.Slots, node by node, for the host's
	// own preemption: a VictimRank for each in Frame.Results.
	ExportRankVictims = "stowage_rank_victims"

	// The chosen node is in Frame.Slots, its record as it was when it was chosen.

	ExportReserve          = "stowage_reserve"
	ExportUnreserve        = "stowage_unreserve"
	ExportPermit           = "stowage_permit"
	ExportPreBindPreFlight = "stowage_pre_bind_pre_flight"
	ExportPreBind          = "stowage_pre_bind"
	// ExportBind returns Success to have the host bind the pod, with Frame.Annotations, or Skip to
	// leave it to the next plugin.
	ExportBind     = "stowage_bind"
	ExportPostBind = "stowage_post_bind"

	// These are about Frame.Group, a group of pods that is scheduled together.

	// ExportGeneratePlacements partitions the nodes in Frame.Slots into Frame.Placements.
	ExportGeneratePlacements = "stowage_generate_placements"
	// ExportScorePlacement scores a placement: Frame.Slots has the node of each pod of the group,
	// and the one i64 in Frame.Results is the score.
	ExportScorePlacement = "stowage_score_placement"
	// ExportPodGroupPostFilter is PostFilter for a group; only Frame.Victims counts.
	ExportPodGroupPostFilter = "stowage_pod_group_post_filter"
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
	// ImportUsed is used(account source, account address, length, resource address, length) -> i64:
	// what the pods of an account request of a resource on all nodes, reserved ones included, in
	// the units of Resources; of "pods" it is their number. The source is an index in
	// Needs.Accounts. CapabilityLedger.
	ImportUsed = "used"
	// ImportObject is object(object source, namespace address, length, name address, length, room
	// address, length) -> length of the object as JSON, or Absent. It is in the room if it fits.
	// The source is an index in Needs.Objects. CapabilityObjects for the resource.
	ImportObject = "object"
	// ImportWaiting is waiting(key address, length) -> number of pods that wait at Permit because
	// this policy said so with that key. CapabilityWaitingPods.
	ImportWaiting = "waiting"
	// ImportAllow is allow(key address, length) -> number of waiting pods of the key that need not
	// wait for this policy any more. CapabilityWaitingPods.
	ImportAllow = "allow"
	// ImportReject is reject(key address, length, reason address, length) -> number of waiting pods
	// of the key that are not placed. CapabilityWaitingPods.
	ImportReject = "reject"
	// ImportWake is wake(nanoseconds i64): tries the pod of the current call again after that time
	// if the policy rejects it now. CapabilityWake.
	ImportWake = "wake"
	// ImportDataGet is data_get(key address, length, room address, length) -> length of the value,
	// or Absent. It is in the room if it fits. CapabilitySharedData.
	ImportDataGet = "data_get"
	// ImportDataSet is data_set(key address, length, value address, length) -> DataStored or
	// DataFull. All instances of the policy share the values, for as long as the scheduler runs; an
	// empty value takes no room. CapabilitySharedData.
	ImportDataSet = "data_set"
)

// Absent is the length of what does not exist.
const Absent uint32 = 0xffffffff

// Results of ImportDataSet.
const (
	DataStored uint32 = iota
	DataFull
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
	// CapabilityLedger allows Needs.Accounts and ImportUsed.
	CapabilityLedger = "ledger"
	// CapabilityObjects and ":" and a resource, as in "objects:configmaps" or
	// "objects:elasticquotas.scheduling.x-k8s.io", allows that resource in Needs.Objects.
	CapabilityObjects = "objects"
	// CapabilityWaitingPods allows ImportWaiting, ImportAllow and ImportReject.
	CapabilityWaitingPods = "waitingPods"
	// CapabilityWake allows ImportWake.
	CapabilityWake = "wake"
	// CapabilitySharedData allows ImportDataGet and ImportDataSet.
	CapabilitySharedData = "sharedData"
	// CapabilityPreemption allows PointPostFilter, PointRankVictims and PointPodGroupPostFilter to
	// evict pods of lower priority.
	CapabilityPreemption = "preemption"
	// CapabilityReclaim allows them to evict pods of any priority that is not system-critical.
	CapabilityReclaim = "reclaim"
	// CapabilityBind allows PointBind.
	CapabilityBind = "bind"
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
	// PointPodChanges is ExportAddPod and ExportRemovePod.
	PointPodChanges
	PointPreEnqueue
	PointQueueSort
	PointSign
	PointQueueingHint
	PointPostFilter
	PointRankVictims
	// PointReserve is ExportReserve and ExportUnreserve.
	PointReserve
	PointPermit
	PointPreBindPreFlight
	PointPreBind
	PointBind
	PointPostBind
	PointGeneratePlacements
	PointScorePlacement
	PointPodGroupPostFilter
	// PointObjects is ExportObjects, which is no extension point.
	PointObjects
)

// Code is the outcome that a guest chose. The numbers are those of the scheduling framework.
type Code uint32

// Codes. Wait is for Permit only, and Pending is reserved.
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

// VictimRank says whether a pod may be evicted: VictimProtected if not, otherwise pods with higher
// ranks go first.
type VictimRank uint32

// VictimProtected is the rank of pods that stay.
const VictimProtected VictimRank = 0

// Actions of EventNeed, Event and Object. The updates of a node's or pod's parts are only for
// EventNeed: they tell the host which updates are of no interest.
const (
	ActionAdd uint32 = 1 << iota
	ActionDelete
	ActionUpdate
	ActionUpdateNodeAllocatable
	ActionUpdateNodeLabels
	ActionUpdateNodeTaints
	ActionUpdateNodeConditions
	ActionUpdateNodeAnnotations
	ActionUpdatePodLabels
	ActionUpdatePodScaleDown
	ActionUpdatePodTolerations
	ActionUpdatePodGatesEliminated
)

// Flags of a Frame.
const (
	// FrameWaiting: Permit is asked again about a pod that waits. Success lets it go, Wait lets it
	// wait on, anything else rejects it.
	FrameWaiting uint32 = 1 << iota
	// FrameSimulated: the host tries out whether a group of pods fits, and takes all of it back.
	FrameSimulated
)

// Kinds of Event.Kind: what Old and New are records of.
const (
	EventOfNothing uint32 = iota
	EventOfPod
	EventOfNode
	EventOfObject
)
