// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/preemption"
)

// postFilterPoints answers PostFilter and PodGroupPostFilter.
type postFilterPoints struct{ policy *policy }

var (
	_ fwk.PostFilterPlugin = struct {
		common
		postFilterPoints
	}{}
	_ fwk.PodGroupPostFilterPlugin = struct {
		common
		postFilterPoints
	}{}
)

// PostFilter asks the policy how a pod could be placed after all: for victims and a node, and if it
// names none, for ranks with which the host looks for victims itself.
func (f postFilterPoints) PostFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes fwk.NodeToStatusReader) (*fwk.PostFilterResult, *fwk.Status) {
	p := f.policy.in(state, pod)
	a, err := p.search(state, pod)
	switch {
	case err != nil:
		return nil, p.faulted(postFilterPoint, err)
	case !a.answers(abi.PointPostFilter | abi.PointRankVictims):
		return nil, p.unhelpful("has nothing to say about pods that do not fit")
	case a.failure() != nil:
		return nil, p.faulted(postFilterPoint, a.failure())
	}
	if reason := p.preemptor().Waits(pod, nodes); reason != "" {
		return nil, p.unhelpful(reason)
	}
	if a.answers(abi.PointPostFilter) {
		result, status := p.postFilter(ctx, a, state, pod, nodes)
		if status.Code() != fwk.Unschedulable || !a.answers(abi.PointRankVictims) || a.failure() != nil {
			return result, status
		}
	}
	return p.dryRun(ctx, a, state, pod, nodes)
}

// search is the part of the attempt that PreFilter began in which victims are looked for, or one of its
// own. Its time is its own too.
func (p *policy) search(state fwk.CycleState, pod *v1.Pod) (*attempt, error) {
	a, err := p.attemptOf(state, pod)
	if err != nil || a.module == nil {
		return a, err
	}
	b := p.withState(a, a.cycle.State)
	b.clock = &clock{}
	// The dry run asks Filter, which finds its attempt in the state.
	p.remember(state, b)
	return b, nil
}

func (p *policy) attemptOf(state fwk.CycleState, pod *v1.Pod) (*attempt, error) {
	if data, err := state.Read(p.filterKey); err == nil {
		return data.(*attempt), nil
	}
	nodes, err := p.handle.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		return nil, err
	}
	return p.begin(postFilterPoint, state, pod, nodes), nil
}

// postFilter asks for a node and victims, and evicts them.
func (p *policy) postFilter(ctx context.Context, a *attempt, state fwk.CycleState, pod *v1.Pod, nodes fwk.NodeToStatusReader) (*fwk.PostFilterResult, *fwk.Status) {
	helpful, err := p.preemptor().Helpful(nodes)
	if err != nil {
		return nil, failed(err)
	}
	var answer guest.Answer
	var made *plan
	told := p.newCandidates(a, helpful)
	err = p.with(ctx, postFilterPoint, a, func(ctx context.Context, g *guest.Guest) (err error) {
		if answer, err = g.Ask(ctx, guest.PostFilter, told.batch.guest()); err != nil || answer.Code != abi.Success {
			return err
		}
		made, err = p.planFor(ctx, pod, &answer, told)
		return err
	})
	switch {
	case err != nil:
		return nil, p.faulted(postFilterPoint, err)
	case answer.Code != abi.Success:
		return nil, p.decided(&answer.Verdict)
	}
	return p.carryOut(ctx, state, pod, made)
}

// carryOut evicts the victims and nominates the node. Without a node the pod is tried again when its
// victims are gone, and goes where it fits then.
func (p *policy) carryOut(ctx context.Context, state fwk.CycleState, pod *v1.Pod, made *plan) (*fwk.PostFilterResult, *fwk.Status) {
	if made.victims == nil {
		return preemption.Nominate(made.node), nil
	}
	reason, err := p.protected(made.victims)
	if err != nil {
		return nil, failed(err)
	}
	if never := preemption.Refuses(pod); never != "" {
		reason = never
	}
	if reason != "" {
		return nil, p.unhelpful(reason)
	}
	if s := p.preemptor().Evict(ctx, state, pod, made.node, made.victims); !s.IsSuccess() {
		return nil, p.preempted(s)
	}
	return preemption.Nominate(made.node), nil
}
