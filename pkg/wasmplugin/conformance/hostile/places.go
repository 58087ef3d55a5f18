// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"slices"
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Places beyond those of filtering and scoring, which wasmtest's policy has already.
const (
	PreEnqueue         = "PreEnqueue"
	QueueSort          = "QueueSort"
	Sign               = "Sign"
	QueueingHint       = "QueueingHint"
	AddPod             = "AddPod"
	RemovePod          = "RemovePod"
	PostFilter         = "PostFilter"
	RankVictims        = "RankVictims"
	Reserve            = "Reserve"
	Unreserve          = "Unreserve"
	Permit             = "Permit"
	PreBindPreFlight   = "PreBindPreFlight"
	PreBind            = "PreBind"
	Bind               = "Bind"
	PostBind           = "PostBind"
	Objects            = "Objects"
	Idle               = "Idle"
	GeneratePlacements = "GeneratePlacements"
	ScorePlacement     = "ScorePlacement"
	PodGroupPostFilter = "PodGroupPostFilter"
)

// harm is what a fault in a place does to the pod.
type harm int

const (
	// blocking faults keep the pod from being placed, unless they are ignored.
	blocking harm = iota
	// silent faults have no status that the framework could get.
	silent
	// late faults are those of a place that only pods reach which are not placed anyway: the pod's
	// message tells of them, unless they are ignored.
	late
	// unheard is late and silent.
	unheard
)

// place is where a guest runs besides the places of wasmtest's policy.
type place struct {
	export string
	points abi.Points
	// grants is the capabilities without which a module that is asked there is refused.
	grants []string
	harm   harm
	// reach has a good policy be asked there, and answer as a good policy does.
	reach func(p *wt.Policy)
	// core places get every behaviour: one of each way in which the host calls, with what differs in
	// pools, budgets, locks and failures. In the others a guest is entered through the same code, by the
	// same pool, as in one of those, so they get one behaviour of each family; what they answer is
	// tested in all of them.
	core bool
}

var places = map[string]place{
	PreEnqueue:   {abi.ExportPreEnqueue, abi.PointPreEnqueue, nil, blocking, nil, true},
	QueueSort:    {abi.ExportQueueSort, abi.PointQueueSort, nil, silent, nil, false},
	Sign:         {abi.ExportSign, abi.PointSign, nil, silent, nil, false},
	QueueingHint: {abi.ExportQueueingHint, abi.PointQueueingHint, nil, unheard, rejecting, true},
	AddPod:       {abi.ExportAddPod, abi.PointPodChanges, nil, blocking, changing, false},
	RemovePod:    {abi.ExportRemovePod, abi.PointPodChanges, nil, blocking, changing, false},
	PostFilter: {
		abi.ExportPostFilter, abi.PointPostFilter, []string{abi.CapabilityPreemption}, late, failing(abi.ExportPostFilter), true,
	},
	RankVictims: {
		abi.ExportRankVictims, abi.PointRankVictims, []string{abi.CapabilityPreemption, abi.CapabilityNodePods}, late, ranking, false,
	},
	Reserve:          {abi.ExportReserve, abi.PointReserve, nil, blocking, unreserving, false},
	Unreserve:        {abi.ExportUnreserve, abi.PointReserve | abi.PointPermit, nil, unheard, denying, false},
	Permit:           {abi.ExportPermit, abi.PointPermit, nil, blocking, nil, true},
	PreBindPreFlight: {abi.ExportPreBindPreFlight, abi.PointPreBindPreFlight | abi.PointPreBind, nil, blocking, preBinding, false},
	PreBind:          {abi.ExportPreBind, abi.PointPreBind, nil, blocking, nil, true},
	Bind:             {abi.ExportBind, abi.PointBind, []string{abi.CapabilityBind}, blocking, nil, false},
	PostBind:         {abi.ExportPostBind, abi.PointPostBind, nil, silent, nil, false},
	Objects: {
		abi.ExportObjects, abi.PointObjects, []string{abi.CapabilityObjects + ":configmaps"}, blocking, declaring, true,
	},
	Idle:               {abi.ExportIdle, 0, nil, silent, tiring, false},
	GeneratePlacements: {abi.ExportGeneratePlacements, abi.PointGeneratePlacements, nil, blocking, dividing, false},
	ScorePlacement:     {abi.ExportScorePlacement, abi.PointScorePlacement, nil, blocking, scoring, false},
	PodGroupPostFilter: {
		abi.ExportPodGroupPostFilter, abi.PointPodGroupPostFilter, []string{abi.CapabilityPreemption}, late,
		failing(abi.ExportPodGroupPostFilter), false,
	},
}

// Later is the places beyond OnLoad and Points, in the order of their names.
func Later() (names []string) {
	for name := range places {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func core() (names []string) {
	return slices.DeleteFunc(Later(), func(name string) bool { return !places[name].core })
}

// queued places are those whose guests have little fuel and time.
func queued(name string) bool {
	return slices.Contains([]string{PreEnqueue, QueueSort, Sign, QueueingHint}, name)
}

// enter has a good policy be asked in a place.
func (l place) enter(p *wt.Policy) {
	p.Descriptor.Points |= l.points
	p.Body(l.export, success())
	if l.reach != nil {
		l.reach(p)
	}
}

// rejecting finds no node good enough, so that the pod comes to what is for such pods.
func rejecting(p *wt.Policy) {
	p.Body(abi.ExportFilter, eachResult(wt.Const(uint32(abi.Unschedulable))), success())
}

// failing rejects, and knows no help at an export.
func failing(export string) func(p *wt.Policy) {
	return func(p *wt.Policy) {
		rejecting(p)
		p.Body(export, wt.Const(uint32(abi.Unschedulable)))
	}
}

// ranking protects all pods.
func ranking(p *wt.Policy) {
	rejecting(p)
	p.Descriptor.Reads |= abi.NodePods
	p.Body(abi.ExportRankVictims, firstResult(), wt.Const(0), wt.Const(1024), wt.MemoryFill(), success())
}

func changing(p *wt.Policy) { p.Body(abi.ExportAddPod, success()).Body(abi.ExportRemovePod, success()) }

func unreserving(p *wt.Policy) { p.Body(abi.ExportUnreserve, success()) }

func preBinding(p *wt.Policy) { p.Body(abi.ExportPreBind, success()) }

// denying has what was reserved taken back.
func denying(p *wt.Policy) {
	p.Body(abi.ExportReserve, success()).Body(abi.ExportPermit, wt.Const(uint32(abi.Unschedulable)))
}

// declaring reads all ConfigMaps.
func declaring(p *wt.Policy) {
	needing(p, wt.Code(text(configMapsAt, configMaps), needsOf(objectNeeds, objectNeedAt, 1), span(objectNeedAt, configMapsAt, uint32(len(configMaps)))))
}

// accounting counts by namespaces.
func accounting(p *wt.Policy) { needing(p, needsOf(accountNeeds, accountAt, 1)) }

// tiring works as long as it takes until a guest is asked to idle.
func tiring(p *wt.Policy) {
	const i = spansAt
	p.Body(abi.ExportFilter, wt.Store(i, 0), wt.Loop(
		wt.Const(i), wt.Load(i), wt.Const(1), wt.Add(), wt.StoreTop(), wt.Load(i), wt.Const(180_000), wt.Less(), wt.BrIf(0)),
		clearResults(4), success())
}

// dividing leaves all nodes in one placement.
func dividing(p *wt.Policy) {
	p.Body(abi.ExportGeneratePlacements,
		span(placementAt, 0, 0),
		wt.Const(placementAt+8), frameField(slotsField), wt.StoreTop(),
		wt.Const(placementAt+12), frameField(slotCountField), wt.StoreTop(),
		wt.SetSpan(placementsField, placementAt, 1), success())
}

func scoring(p *wt.Policy) {
	p.Body(abi.ExportScorePlacement, firstResult(), wt.Const64(0), wt.Store64Top(), success())
}

// Where policies have what they declare and answer.
const (
	needsAt      = 40 << 10
	eventNeedAt  = needsAt + 64
	objectNeedAt = needsAt + 128
	accountAt    = needsAt + 256
	configMapsAt = needsAt + 320
	placementAt  = needsAt + 384
	spansAt      = needsAt + 512

	configMaps = "configmaps.v1"
)

// Fields of the frame and of needs.
var (
	slotsField       = uint32(unsafe.Offsetof(abi.Frame{}.Slots))
	timeoutField     = unsafe.Offsetof(abi.Frame{}.TimeoutNanos)
	keyField         = unsafe.Offsetof(abi.Frame{}.Key)
	victimsField     = unsafe.Offsetof(abi.Frame{}.Victims)
	annotationsField = unsafe.Offsetof(abi.Frame{}.Annotations)
	placementsField  = unsafe.Offsetof(abi.Frame{}.Placements)
	needsField       = unsafe.Offsetof(abi.Frame{}.Needs)

	eventNeeds   = uint32(unsafe.Offsetof(abi.Needs{}.Events))
	objectNeeds  = uint32(unsafe.Offsetof(abi.Needs{}.Objects))
	accountNeeds = uint32(unsafe.Offsetof(abi.Needs{}.Accounts))
)

// needing has configure leave Needs that some code fills.
func needing(p *wt.Policy, code []byte) {
	p.Body(abi.ExportConfigure,
		wt.Store(needsAt, uint32(unsafe.Sizeof(abi.Needs{}))), code, wt.SetResult(needsField, needsAt), p.Bodies[abi.ExportConfigure])
}

// needsOf stores a list of needs.
func needsOf(field, addr, n uint32) []byte {
	return wt.Code(wt.Store(needsAt+field, addr), wt.Store(needsAt+field+4, n))
}

// span stores a span.
func span(at, addr, n uint32) []byte { return wt.Code(wt.Store(at, addr), wt.Store(at+4, n)) }
