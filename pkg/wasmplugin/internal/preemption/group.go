// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/util"
)

// GroupPriority is a group's, as a preemptor.
func GroupPriority(group fwk.PodGroupInfo) int32 {
	if composite := group.GetCompositePodGroup(); composite != nil {
		return util.CompositePodGroupPriority(composite)
	}
	return util.PodGroupPriority(group.GetPodGroup())
}

// GroupWaits is the nominations that a group keeps while pods are being evicted from its nodes; nil
// if there is something to do.
func (p *Preemptor) GroupWaits(group fwk.PodGroupInfo) *fwk.PodGroupPostFilterResult {
	kept, leaving := map[types.NamespacedName]*fwk.NominatingInfo{}, false
	for _, pod := range group.GetUnscheduledPods() {
		node := pod.Status.NominatedNodeName
		kept[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}] = Nominate(node).NominatingInfo
		leaving = leaving || node != "" && p.clears(node, GroupPriority(group))
	}
	if !leaving {
		return nil
	}
	return &fwk.PodGroupPostFilterResult{NominatingInfos: kept}
}

// EvictForGroup evicts victims if the group fits without them, which fit tells, and returns where its
// pods are nominated to.
func (p *Preemptor) EvictForGroup(ctx context.Context, group fwk.PodGroupInfo, victims *Named, fit fwk.PodGroupSchedulingFunc) (result *fwk.PodGroupPostFilterResult, status *fwk.Status) {
	defer func() { metrics.WorkloadPreemptionAttempts.WithLabelValues(status.Code().String()).Inc() }()
	snapshot := p.handle.MutableSnapshotSharedLister()
	if err := snapshot.StartMutations(); err != nil {
		return nil, p.Failed(fmt.Errorf("trying out evictions: %w", err))
	}
	defer func() {
		if err := snapshot.EndMutations(); err != nil {
			result, status = nil, p.Failed(errors.Join(fmt.Errorf("taking back what was tried out: %w", err), status.AsError()))
		}
	}()
	handle := &narrowed{p.handle, p.narrow(snapshot, victims), p.Unhelpful}
	result, status = preemption.NewPodGroupEvaluator(handle, p.executor, p.features).Preempt(ctx, p.entitled(group), fit)
	return result, status
}
