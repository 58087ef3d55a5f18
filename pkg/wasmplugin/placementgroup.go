// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// addGroup adds a group, of which these pods are to be placed, and returns where it is in the data.
func (p *policy) addGroup(s *snapshot.Scratch, group fwk.PodGroupInfo, pods []*v1.Pod) uint32 {
	meta := &metav1.ObjectMeta{}
	if pg := group.GetPodGroup(); pg != nil {
		meta = &pg.ObjectMeta
	} else if cpg := group.GetCompositePodGroup(); cpg != nil {
		meta = &cpg.ObjectMeta
	}
	return s.AddGroup(group.GetName(), group.GetNamespace(), string(meta.UID), meta.Labels, pods, uint32(p.missingPods(group)))
}

// missingPods is how many pods of the group must be placed besides those that are already: of a
// composite group, for as many of its parts as it needs, those that need the fewest.
func (p *policy) missingPods(group fwk.PodGroupInfo) (n int) {
	if pg := group.GetPodGroup(); pg != nil {
		// As in the framework, a group that is no gang needs one pod.
		least := 1
		if gang := pg.Spec.SchedulingPolicy.Gang; gang != nil {
			least = int(gang.MinCount)
		}
		return max(0, least-p.placedPods(group))
	}
	parts, least := group.GetChildren(), 1
	if cpg := group.GetCompositePodGroup(); cpg != nil && cpg.Spec.SchedulingPolicy.Gang != nil {
		least = int(cpg.Spec.SchedulingPolicy.Gang.MinGroupCount)
	}
	needs := make([]int, len(parts))
	for i, part := range parts {
		needs[i] = p.missingPods(part)
	}
	slices.Sort(needs)
	for _, need := range needs[:min(max(0, least), len(needs))] {
		n += need
	}
	return n
}

// placedPods is how many pods of the group are placed. The snapshot knows no group of which that is
// none.
func (p *policy) placedPods(group fwk.PodGroupInfo) int {
	state, err := p.handle.SnapshotSharedLister().PodGroupStates().Get(group.GetNamespace(), group.GetName())
	if err != nil {
		return 0
	}
	return state.ScheduledPodsCount()
}
