// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// What the module exports for the host to call. All points are exported; the host calls those of the
// descriptor.

//go:wasmexport stowage_configure
func configure() uint32 {
	f := frame()
	call.Config = bytesAt(f.Config)
	code := store(f, registered.Configure(&call))
	if code == uint32(abi.Success) {
		f.Needs = storeNeeds(&registered.needs)
	}
	return code
}

//go:wasmexport stowage_objects
func objects() uint32 { return run(abi.PointObjects) }

//go:wasmexport stowage_pre_filter
func preFilter() uint32 { return run(abi.PointPreFilter) }

//go:wasmexport stowage_filter
func filter() uint32 { return run(abi.PointFilter) }

//go:wasmexport stowage_pre_score
func preScore() uint32 { return run(abi.PointPreScore) }

//go:wasmexport stowage_score
func score() uint32 { return run(abi.PointScore) }

//go:wasmexport stowage_normalize_score
func normalizeScore() uint32 { return run(abi.PointNormalizeScore) }

//go:wasmexport stowage_add_pod
func addPod() uint32 { return run(abi.PointPodChanges) }

//go:wasmexport stowage_remove_pod
func removePod() uint32 { return undo(abi.PointPodChanges) }

//go:wasmexport stowage_pre_enqueue
func preEnqueue() uint32 { return run(abi.PointPreEnqueue) }

//go:wasmexport stowage_queue_sort
func queueSort() uint32 { return run(abi.PointQueueSort) }

//go:wasmexport stowage_sign
func sign() uint32 { return run(abi.PointSign) }

//go:wasmexport stowage_queueing_hint
func queueingHint() uint32 { return run(abi.PointQueueingHint) }

//go:wasmexport stowage_post_filter
func postFilter() uint32 { return run(abi.PointPostFilter) }

//go:wasmexport stowage_rank_victims
func rankVictims() uint32 { return run(abi.PointRankVictims) }

//go:wasmexport stowage_reserve
func reserve() uint32 { return run(abi.PointReserve) }

//go:wasmexport stowage_unreserve
func unreserve() uint32 { return undo(abi.PointReserve) }

//go:wasmexport stowage_permit
func permit() uint32 { return run(abi.PointPermit) }

//go:wasmexport stowage_pre_bind_pre_flight
func preBindPreFlight() uint32 { return run(abi.PointPreBindPreFlight) }

//go:wasmexport stowage_pre_bind
func preBind() uint32 { return run(abi.PointPreBind) }

//go:wasmexport stowage_bind
func bind() uint32 { return run(abi.PointBind) }

//go:wasmexport stowage_post_bind
func postBind() uint32 { return run(abi.PointPostBind) }

//go:wasmexport stowage_generate_placements
func generatePlacements() uint32 { return run(abi.PointGeneratePlacements) }

//go:wasmexport stowage_score_placement
func scorePlacement() uint32 { return run(abi.PointScorePlacement) }

//go:wasmexport stowage_pod_group_post_filter
func podGroupPostFilter() uint32 { return run(abi.PointPodGroupPostFilter) }

func run(p abi.Points) uint32 {
	f := frame()
	load(f, p)
	return store(f, registered.Run(p, &call))
}

func undo(p abi.Points) uint32 {
	call.Undo = true
	code := run(p)
	call.Undo = false
	return code
}
