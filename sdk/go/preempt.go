// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// PostFilterPlugin looks for another way when no node can take the pod. It needs the capability
// "preemption", and "reclaim" too to evict pods of any priority.
type PostFilterPlugin interface {
	// PostFilter returns Success with what it found: a node to nominate, pods to evict, or both.
	// Unschedulable leaves the pod to the next plugin's PostFilter; UnschedulableAndUnresolvable ends
	// the search. The nodes are those where evicting pods can help.
	PostFilter(c *Cycle, pod *Pod, nodes Nodes) (PostFilterResult, Status)
}

// PostFilterResult is how a pod could be placed after all.
type PostFilterResult struct {
	// Victims are the UIDs of the pods to evict, on any nodes. The host refuses to evict pods that the
	// policy's capabilities protect.
	Victims   []string
	nominated *abi.NodeRecord
}

// Nominate says where the pod is to go once its victims are gone.
func (r *PostFilterResult) Nominate(n *Node) { r.nominated = n.rec }

// VictimRanker leaves the search for victims to the host and says which pods may be victims. It needs
// ReadNodePods, and the same capabilities as PostFilterPlugin. If a policy has both, the host searches when
// PostFilter returned Unschedulable.
type VictimRanker interface {
	// RankVictim says whether candidate, which is on node, may be evicted for the pod, and when.
	RankVictim(c *Cycle, pod *Pod, node *Node, candidate PodOnNode) VictimRank
}

// VictimRank says whether a pod may be evicted: VictimProtected if not, otherwise pods with higher
// ranks go first.
type VictimRank uint32

// VictimProtected is the rank of pods that stay.
const VictimProtected = VictimRank(abi.VictimProtected)
