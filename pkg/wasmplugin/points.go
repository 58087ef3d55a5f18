// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	fwk "k8s.io/kube-scheduler/framework"
)

// point is an extension point.
type point struct {
	// name is the framework's.
	name string
	// ignored is what the framework gets in place of a fault with failurePolicy Ignore: what
	// makes the policy as good as not enabled. Skip spares the framework the calls that would
	// follow. With Fail it gets an error, at every point: the attempt ends, and the pod is tried
	// again after a backoff.
	ignored fwk.Code
}

// The points that policies answer: the table of what failurePolicy does where.
var (
	preFilterPoint = &point{"PreFilter", fwk.Skip}
	filterPoint    = &point{"Filter", fwk.Success}
	preScorePoint  = &point{"PreScore", fwk.Skip}
	// A score that is ignored is 0, and normalizing that is ignored leaves all scores at 0: then
	// the policy prefers no node.
	scorePoint     = &point{"Score", fwk.Success}
	normalizePoint = &point{"NormalizeScore", fwk.Success}

	// A state that is not changed may let preemption choose victims in vain, or spare some.
	addPodPoint    = &point{"AddPod", fwk.Success}
	removePodPoint = &point{"RemovePod", fwk.Success}

	preEnqueuePoint = &point{"PreEnqueue", fwk.Success}
	// A pod without a key is sorted by priority and age, behind those that have one.
	queueSortPoint = &point{"QueueSort", fwk.Success}
	// A pod without a signature is not batched, and one without a hint is tried again: both are
	// always safe, so failurePolicy makes no difference.
	signPoint         = &point{"Sign", fwk.Unschedulable}
	queueingHintPoint = &point{"QueueingHint", fwk.Success}

	postFilterPoint         = &point{"PostFilter", fwk.Unschedulable}
	podGroupPostFilterPoint = &point{"PodGroupPostFilter", fwk.Unschedulable}

	reservePoint = &point{"Reserve", fwk.Success}
	// What Unreserve and PostBind come to has no status.
	unreservePoint        = &point{"Unreserve", fwk.Success}
	permitPoint           = &point{"Permit", fwk.Success}
	preBindPreFlightPoint = &point{"PreBindPreFlight", fwk.Skip}
	preBindPoint          = &point{"PreBind", fwk.Success}
	bindPoint             = &point{"Bind", fwk.Skip}
	postBindPoint         = &point{"PostBind", fwk.Success}

	generatePlacementsPoint = &point{"GeneratePlacements", fwk.Success}
	scorePlacementPoint     = &point{"ScorePlacement", fwk.Success}
	// These are no extension points of the framework: a guest is told of objects, and collects garbage.
	objectsPoint = &point{"Objects", fwk.Success}
	idlePoint    = &point{"Idle", fwk.Success}
)
