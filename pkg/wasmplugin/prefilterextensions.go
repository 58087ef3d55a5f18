// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

var _ fwk.PreFilterExtensions = filterPoints{}

// PreFilterExtensions is nil if the policy's state does not depend on the pods of a node, which
// spares the framework the calls.
func (f filterPoints) PreFilterExtensions() fwk.PreFilterExtensions {
	if f.policy.mayAnswer(abi.PointPodChanges) {
		return f
	}
	return nil
}

// AddPod has the policy change its state as if a pod were on a node.
func (f filterPoints) AddPod(ctx context.Context, state fwk.CycleState, pod *v1.Pod, other fwk.PodInfo, node fwk.NodeInfo) *fwk.Status {
	p := f.policy.in(state, pod)
	p.shadow.change(ctx, addPodPoint, guest.AddPod, state, other, node)
	return p.change(ctx, addPodPoint, guest.AddPod, state, other, node)
}

// RemovePod has the policy change its state as if a pod were not on a node.
func (f filterPoints) RemovePod(ctx context.Context, state fwk.CycleState, pod *v1.Pod, other fwk.PodInfo, node fwk.NodeInfo) *fwk.Status {
	p := f.policy.in(state, pod)
	p.shadow.change(ctx, removePodPoint, guest.RemovePod, state, other, node)
	return p.change(ctx, removePodPoint, guest.RemovePod, state, other, node)
}

// change replaces the attempt of the CycleState by one with the new state. The framework does so on
// clones of one CycleState concurrently, so the attempt itself, which they share, stays as it is.
func (p *policy) change(ctx context.Context, at *point, call *guest.Call, state fwk.CycleState, other fwk.PodInfo, node fwk.NodeInfo) *fwk.Status {
	data, err := state.Read(p.filterKey)
	if err != nil {
		return p.faulted(at, errNoPreFilter)
	}
	a := data.(*attempt)
	if !a.answers(abi.PointPodChanges) {
		return nil
	}
	answer, err := p.ask(ctx, at, a, call, p.aboutPod(a, other.GetPod(), node))
	switch {
	case err != nil:
		return p.faulted(at, err)
	case answer.Code != abi.Success:
		return p.decided(&answer.Verdict)
	case answer.State != nil:
		a.replaced.Store(true)
		state.Write(p.filterKey, p.withState(a, answer.State))
	}
	return nil
}

// aboutPod is another pod with the node that it is or was on. The node is encoded as it is now,
// because neither its record nor its generation tell of the change.
func (p *policy) aboutPod(a *attempt, other *v1.Pod, node fwk.NodeInfo) guest.Batch {
	s := snapshot.NewScratch(p.store, a.reads())
	slot := s.Add(node)
	at := s.AddPod(other)
	return guest.Batch{Slots: []uint32{slot}, ScratchTable: s.Table(), ScratchData: s.Data(), Other: at}
}
