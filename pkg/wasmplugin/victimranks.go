// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/preemption"
)

// rankedAtOnce bounds the pods of one call: it ends a batch that has as many.
const rankedAtOnce = 2048

// dryRun has the host look for victims, in the order of the ranks that the policy gives them.
func (p *policy) dryRun(ctx context.Context, a *attempt, state fwk.CycleState, pod *v1.Pod, nodes fwk.NodeToStatusReader) (*fwk.PostFilterResult, *fwk.Status) {
	if never := preemption.Refuses(pod); never != "" {
		return nil, p.unhelpful(never)
	}
	rankable, err := p.preemptor().Rankable(ctx, pod, nodes)
	if err != nil {
		return nil, failed(err)
	}
	ranks, verdict, err := p.rank(ctx, a, rankable)
	switch {
	case err != nil:
		return nil, p.faulted(postFilterPoint, err)
	case verdict.Code != abi.Success:
		return nil, p.decided(&verdict)
	}
	result, status := p.preemptor().DryRun(ctx, state, pod, nodes, ranks)
	return result, p.preempted(status)
}

// rank asks for the ranks of all pods on the nodes, some nodes at a time.
func (p *policy) rank(ctx context.Context, a *attempt, nodes []fwk.NodeInfo) (ranks preemption.Ranks, verdict guest.Verdict, err error) {
	ranks = preemption.Ranks{}
	for len(nodes) > 0 && err == nil && verdict.Code == abi.Success {
		n, pods := 0, 0
		for n < len(nodes) && pods < rankedAtOnce {
			pods += len(nodes[n].GetPods())
			n++
		}
		verdict, err = p.rankSome(ctx, a, nodes[:n], pods, ranks)
		nodes = nodes[n:]
	}
	return ranks, verdict, err
}

// rankSome asks about nodes that have that many pods. The records have the pods in the order that the
// nodes have them now: that changes with their generation alone.
func (p *policy) rankSome(ctx context.Context, a *attempt, nodes []fwk.NodeInfo, pods int, ranks preemption.Ranks) (verdict guest.Verdict, err error) {
	batch, out := p.newCandidates(a, nodes).batch.guest(), make([]abi.VictimRank, pods)
	err = p.with(ctx, postFilterPoint, a, func(ctx context.Context, g *guest.Guest) (err error) {
		if a.reads()&abi.NodePods == 0 {
			return engine.Violation(abi.ExportRankVictims, "the policy ranks pods on nodes but does not read them")
		}
		verdict, err = g.RankVictims(ctx, batch, out)
		return err
	})
	if err != nil || verdict.Code != abi.Success {
		return verdict, err
	}
	for _, info := range nodes {
		for i, on := range info.GetPods() {
			if rank := uint32(out[i]); rank > 0 {
				ranks[on.GetPod().UID] = rank
			}
		}
		out = out[len(info.GetPods()):]
	}
	return verdict, nil
}
