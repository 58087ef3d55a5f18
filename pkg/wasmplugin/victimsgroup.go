// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/preemption"
)

// PodGroupPostFilter asks the policy which pods to evict for a group that does not fit. They are only
// evicted if it fits without them.
func (f postFilterPoints) PodGroupPostFilter(ctx context.Context, _ fwk.PodGroupCycleState, group fwk.PodGroupInfo, fit fwk.PodGroupSchedulingFunc) (*fwk.PodGroupPostFilterResult, *fwk.Status) {
	p, pods := f.policy, group.GetUnscheduledPods()
	if len(pods) == 0 {
		return nil, p.unhelpful("the group has no pods to place")
	}
	nodes, err := p.handle.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		return nil, failed(err)
	}
	// What was tried out with the group has been taken back: nodes are as the cluster has them.
	a := p.begin(podGroupPostFilterPoint, groupState{}, pods[0], nodes)
	if !a.answers(abi.PointPodGroupPostFilter) {
		return nil, p.unhelpful("has nothing to say about groups that do not fit")
	}
	if waiting := p.preemptor().GroupWaits(group); waiting != nil {
		return waiting, nil
	}
	named, verdict, err := p.victimsForGroup(ctx, a, group, nodes)
	switch {
	case err != nil:
		return nil, p.faulted(podGroupPostFilterPoint, err)
	case verdict.Code != abi.Success:
		return nil, p.decided(&verdict)
	}
	return p.evictForGroup(ctx, group, named, fit)
}

// victimsForGroup asks for victims and checks them.
func (p *policy) victimsForGroup(ctx context.Context, a *attempt, group fwk.PodGroupInfo, nodes []fwk.NodeInfo) (named *preemption.Named, verdict guest.Verdict, err error) {
	if err := a.failure(); err != nil {
		return nil, verdict, err
	}
	told := p.newCandidates(a, nodes).batch
	at := p.addGroup(told.scratchpad(), group, group.GetUnscheduledPods())
	about := told.guest()
	about.Group = at
	err = p.with(ctx, podGroupPostFilterPoint, a, func(ctx context.Context, g *guest.Guest) error {
		answer, err := g.Ask(ctx, guest.PodGroupPostFilter, about)
		if verdict = answer.Verdict; err != nil || verdict.Code != abi.Success {
			return err
		}
		named, err = p.victims(ctx, abi.ExportPodGroupPostFilter, preemption.GroupPriority(group), answer.Victims)
		return err
	})
	return named, verdict, err
}

func (p *policy) evictForGroup(ctx context.Context, group fwk.PodGroupInfo, named *preemption.Named, fit fwk.PodGroupSchedulingFunc) (*fwk.PodGroupPostFilterResult, *fwk.Status) {
	reason, err := p.protected(named)
	if err != nil {
		return nil, failed(err)
	}
	if reason != "" {
		return nil, p.unhelpful(reason)
	}
	result, status := p.preemptor().EvictForGroup(ctx, group, named, fit)
	return result, p.preempted(status)
}
