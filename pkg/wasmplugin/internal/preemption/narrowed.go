// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"
	"math"

	v1 "k8s.io/api/core/v1"
	schedulingv1alpha3 "k8s.io/api/scheduling/v1alpha3"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
)

// narrowed makes the scheduler's preemption for groups see no pods but the victims, and spare none of
// them: they were named, not found. What the group is tried out with sees everything.
type narrowed struct {
	fwk.Handle
	snapshot  fwk.MutableSnapshotSharedLister
	unhelpful func(string) *fwk.Status
}

// MutableSnapshotSharedLister lists the victims alone.
func (n *narrowed) MutableSnapshotSharedLister() fwk.MutableSnapshotSharedLister { return n.snapshot }

// RunPreFilterExtensionAddPod has nothing to do: what it would prepare is not looked at.
func (n *narrowed) RunPreFilterExtensionAddPod(context.Context, fwk.CycleState, *v1.Pod, fwk.PodInfo, fwk.NodeInfo) *fwk.Status {
	return nil
}

// RunPreFilterExtensionRemovePod has nothing to do either.
func (n *narrowed) RunPreFilterExtensionRemovePod(context.Context, fwk.CycleState, *v1.Pod, fwk.PodInfo, fwk.NodeInfo) *fwk.Status {
	return nil
}

// RunFilterPluginsWithNominatedPods is asked whether a victim can stay.
func (n *narrowed) RunFilterPluginsWithNominatedPods(context.Context, fwk.CycleState, *v1.Pod, fwk.NodeInfo) *fwk.Status {
	return n.unhelpful("victims that were named are not spared")
}

// narrow is the snapshot with no pods but the victims in lists of nodes.
func (p *Preemptor) narrow(snapshot fwk.MutableSnapshotSharedLister, victims *Named) fwk.MutableSnapshotSharedLister {
	named := sets.New[types.UID]()
	for _, v := range victims.victims {
		named.Insert(v.GetPod().UID)
	}
	return &narrowSnapshot{snapshot, named}
}

type narrowSnapshot struct {
	fwk.MutableSnapshotSharedLister
	named sets.Set[types.UID]
}

// NodeInfos is the nodes with their victims.
func (s *narrowSnapshot) NodeInfos() fwk.NodeInfoLister {
	return &narrowNodes{s.MutableSnapshotSharedLister.NodeInfos(), s.named}
}

type narrowNodes struct {
	fwk.NodeInfoLister
	named sets.Set[types.UID]
}

// List is all nodes, each with its victims alone.
func (n *narrowNodes) List() ([]fwk.NodeInfo, error) {
	list, err := n.NodeInfoLister.List()
	out := make([]fwk.NodeInfo, 0, len(list))
	for _, info := range list {
		narrow := &narrowNode{NodeInfo: info}
		for _, pod := range info.GetPods() {
			if n.named.Has(pod.GetPod().UID) {
				narrow.pods = append(narrow.pods, pod)
			}
		}
		out = append(out, narrow)
	}
	return out, err
}

type narrowNode struct {
	fwk.NodeInfo
	pods []fwk.PodInfo
}

// GetPods is the node's victims.
func (n *narrowNode) GetPods() []fwk.PodInfo { return n.pods }

// entitled is the group with the priority that the rules give it over victims, which have been
// checked before.
func (p *Preemptor) entitled(group fwk.PodGroupInfo) fwk.PodGroupInfo {
	if !p.Rules.Reclaim {
		return group
	}
	return &reclaiming{group}
}

type reclaiming struct{ fwk.PodGroupInfo }

var utmost int32 = math.MaxInt32

// GetPodGroup is the group, above all others.
func (r *reclaiming) GetPodGroup() *schedulingv1beta1.PodGroup {
	group := r.PodGroupInfo.GetPodGroup().DeepCopy()
	if group != nil {
		group.Spec.Priority = &utmost
	}
	return group
}

// GetCompositePodGroup is the group, above all others.
func (r *reclaiming) GetCompositePodGroup() *schedulingv1alpha3.CompositePodGroup {
	group := r.PodGroupInfo.GetCompositePodGroup().DeepCopy()
	if group != nil {
		group.Spec.Priority = &utmost
	}
	return group
}
