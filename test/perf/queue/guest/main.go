// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Guest is the policy of the scheduling queue's benchmarks: a pod runs in the zone that its label
// names, so that only changes of nodes in that zone are of use to it. The package beside it has the
// same hint as a native function.
package main

import stowage "github.com/stowage-scheduler/stowage/sdk/go"

const (
	wantedZone = "stowage.dev/zone"
	nodeZone   = "topology.kubernetes.io/zone"
	held       = "stowage.dev/held"
)

var otherZone = stowage.UnschedulableAndUnresolvable("node(s) were in another zone")

type policy struct{}

func init() { stowage.Register(policy{}, stowage.ReadNodeLabels|stowage.ReadPodLabels) }

func main() {}

// Needs declares that a node may come into the zone.
func (policy) Needs() stowage.Needs {
	return stowage.Needs{Events: []stowage.EventNeed{
		{Resource: "Node", Actions: stowage.ActionAdd | stowage.ActionUpdateNodeLabels},
	}}
}

// Filter keeps the pod in its zone.
func (policy) Filter(_ *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) stowage.Status {
	if !fits(pod, node) {
		return otherZone
	}
	return stowage.Success()
}

// QueueingHint is of use if the node is in the zone.
func (policy) QueueingHint(pod *stowage.Pod, e *stowage.ClusterEvent) stowage.Hint {
	if node := e.NewNode(); node != nil && !fits(pod, node) {
		return stowage.QueueSkip
	}
	return stowage.Queue
}

func fits(pod *stowage.Pod, node *stowage.Node) bool {
	wanted, bound := pod.Label(wantedZone)
	zone, ok := node.Label(nodeZone)
	return !bound || ok && zone == wanted
}

// PreEnqueue holds back pods that are labeled so.
func (policy) PreEnqueue(_ *stowage.Cycle, pod *stowage.Pod) stowage.Status {
	if _, ok := pod.Label(held); ok {
		return stowage.Unschedulable("pod is held")
	}
	return stowage.Success()
}

// QueueSort is by priority, then by age.
func (policy) QueueSort(pod *stowage.Pod) stowage.SortKey {
	return stowage.NewSortKey().IntDescending(int64(pod.Priority())).Int(pod.CreatedUnixNano())
}

// Sign is the zone.
func (policy) Sign(pod *stowage.Pod) ([]byte, stowage.Status) {
	zone, _ := pod.Label(wantedZone)
	return []byte(zone), stowage.Success()
}
