// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"
)

// Running tells whether pods are being evicted for the pod or its group, which then must not be
// scheduled: it would not find that its victims are about to go, and evict others.
func (p *Preemptor) Running(pod *v1.Pod) bool {
	if !p.features.EnableAsyncPreemption {
		return false
	}
	if pod.Spec.SchedulingGroup == nil || !p.features.EnableGenericWorkload {
		return p.executor.IsPodRunningPreemption(pod.UID)
	}
	uid, ok := p.root(pod)
	return ok && p.executor.IsPodGroupRunningPreemption(uid)
}

// root is the UID of the group that the pod is scheduled with. A pod whose group is not there is not
// ours to hold back.
func (p *Preemptor) root(pod *v1.Pod) (types.UID, bool) {
	name := *pod.Spec.SchedulingGroup.PodGroupName
	if !p.features.EnableCompositePodGroup {
		group, err := p.handle.PodGroupManager().PodGroups().Get(pod.Namespace, name)
		if err != nil {
			return "", false
		}
		return group.UID, true
	}
	hierarchy, err := p.handle.PodGroupManager().BuildHierarchySnapshotFromPod(pod)
	if err != nil {
		return "", false
	}
	key, ok, err := hierarchy.GetRootKeyForGroup(fwk.PodGroupKey(pod.Namespace, name))
	if !ok || err != nil {
		return "", false
	}
	return groupUID(hierarchy, key)
}

// groups is where to look up groups.
type groups interface {
	PodGroups() fwk.PodGroupLister
	CompositePodGroups() fwk.CompositePodGroupLister
}

func groupUID(in groups, key fwk.EntityKey) (types.UID, bool) {
	switch key.Type {
	case fwk.PodGroupKeyType:
		if group, err := in.PodGroups().Get(key.Namespace, key.Name); err == nil {
			return group.UID, true
		}
	case fwk.CompositePodGroupKeyType:
		if group, err := in.CompositePodGroups().Get(key.Namespace, key.Name); err == nil {
			return group.UID, true
		}
	}
	return "", false
}
