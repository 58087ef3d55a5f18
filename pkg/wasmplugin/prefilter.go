// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// filterPoints answers PreFilter and Filter.
type filterPoints struct{ policy *policy }

// PreFilter starts the attempt and asks the policy, if it answers PreFilter.
func (f filterPoints) PreFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	p := f.policy.in(state, pod)
	result, status := p.filterNodes(ctx, state, pod, nodes)
	p.shadow.preFilter(ctx, state, pod, nodes, result, status)
	return result, status
}

// filterNodes begins the attempt and asks the policy which nodes are worth a look.
func (p *policy) filterNodes(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	a := p.begin(preFilterPoint, state, pod, nodes)
	// After a rejection preemption still asks Filter, about nodes without their victims.
	defer p.remember(state, a)
	if !a.answers(abi.PointPreFilter) {
		return nil, nil
	}
	return p.preFilter(ctx, a)
}

// remember makes the attempt the one that belongs to the state.
func (p *policy) remember(state fwk.CycleState, a *attempt) {
	if old, err := state.Read(p.filterKey); err == nil {
		old.(*attempt).replaced.Store(true)
	}
	state.Write(p.filterKey, a)
}

func (p *policy) preFilter(ctx context.Context, a *attempt) (*fwk.PreFilterResult, *fwk.Status) {
	var r guest.PreFilterResult
	var names sets.Set[string]
	err := p.with(ctx, preFilterPoint, a, func(ctx context.Context, g *guest.Guest) (err error) {
		var table guest.Batch
		if a.reads()&abi.NodeTable != 0 {
			table.Slots = p.store.Slots()
		}
		if r, err = g.PreFilter(ctx, table); err == nil && r.Restricted {
			names, err = p.names(r.Subset)
		}
		return err
	})
	if err != nil {
		return nil, p.faulted(preFilterPoint, err)
	}
	if len(r.State) > 0 {
		p.setState(a, r.State)
	}
	a.skipped = r.Code == abi.Skip
	if r.Code != abi.Success || !r.Restricted {
		return nil, p.judged(a, &r.Verdict)
	}
	return &fwk.PreFilterResult{NodeNames: names}, nil
}

// names translates slots that a guest chose.
func (p *policy) names(slots []uint32) (sets.Set[string], error) {
	names := sets.New[string]()
	for _, at := range slots {
		name, ok := p.store.NameAt(at)
		if !ok {
			return nil, engine.Violation(abi.ExportPreFilter, "slot %d of the subset holds no node", at)
		}
		names.Insert(name)
	}
	return names, nil
}
