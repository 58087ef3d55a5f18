// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// The points of each group that is exposed to the framework as a whole. Points of a group that a
// module does not answer do nothing: PreFilter and PreScore let pass, Permit and Reserve succeed,
// PreBind and Bind skip.
const (
	filterMask         = abi.PointPreFilter | abi.PointFilter | abi.PointPodChanges
	scoreMask          = abi.PointPreScore | abi.PointScore | abi.PointNormalizeScore
	preEnqueueMask     = abi.PointPreEnqueue
	queueSortMask      = abi.PointQueueSort
	postFilterMask     = abi.PointPostFilter | abi.PointRankVictims | abi.PointPodGroupPostFilter
	bindMask           = abi.PointReserve | abi.PointPermit | abi.PointPreBindPreFlight | abi.PointPreBind | abi.PointBind | abi.PointPostBind
	generateMask       = abi.PointGeneratePlacements
	scorePlacementMask = abi.PointScorePlacement

	// queueMask is the points that are answered while the scheduling queue is locked.
	queueMask = abi.PointPreEnqueue | abi.PointQueueSort | abi.PointSign | abi.PointQueueingHint
)

// wholeMask is the points that are about many pods at once: a canary is not asked, which answers for some.
const wholeMask = queueSortMask | generateMask | scorePlacementMask

// groups are in the order of hack/expose.
var groups = [...]abi.Points{
	filterMask, scoreMask, preEnqueueMask, queueSortMask, postFilterMask, bindMask, generateMask, scorePlacementMask,
}

// unknown is what is exposed for a module that is not there yet: all that a profile may have of many
// plugins. Of QueueSort and GeneratePlacements there may be one.
const unknown = filterMask | scoreMask | preEnqueueMask | postFilterMask | bindMask | scorePlacementMask

// expose returns the policy as a plugin with the points that its module answers. What the framework
// is shown stays: a module that is loaded later cannot answer more.
func (p *policy) expose() fwk.Plugin {
	p.shown.mu.Lock()
	defer p.shown.mu.Unlock()
	points := p.exposes()
	if p.monitored {
		return p.exposeMonitored(points)
	}
	if p.canary != nil {
		points |= p.canary.exposes() &^ wholeMask
	}
	if points&postFilterMask != 0 {
		// While pods are evicted for it, a pod must not enter the queue.
		points |= preEnqueueMask
		p.preemptor()
		if p.canary != nil {
			p.canary.preemptor()
		}
	}
	n := 0
	for bit, group := range groups {
		if points&group != 0 {
			n |= 1 << bit
			p.shown.points |= group
		}
	}
	return exposures[n](p)
}

// exposes is the points that the framework must call for the policy with the module that there is now.
func (p *policy) exposes() abi.Points {
	if l := p.module.Load(); l != nil {
		return l.exposes()
	}
	return unknown
}

// exposes is the points that the framework must call for the module. The ledger counts pods from
// Reserve on.
func (l *loaded) exposes() abi.Points {
	points := l.about.Points
	if len(l.needs.Accounts) > 0 {
		points |= abi.PointReserve
	}
	return points
}
