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
)
