// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Full is rack-group with all that a policy does about groups and their pods, for tests on a real control
// plane:
//
//	rack-group/victims=L    on a group that does not fit: PodGroupPostFilter evicts the pods with the
//	                        label rack-group/victim=L
//	rack-group/avoids=N     on a pod: Filter refuses node N
//	rack-group/prefers=N    on a pod: Score prefers node N
//	rack-group/report=yes   on a pod: PreFilter has an event say what the ledger counts in its namespace
//
// It counts calls in the metrics generated, compared, helped and simulated. A pod that is reserved counts
// as taken once, and as returned once when it is unreserved or bound: as long as no pod is in between, both
// are equal.
package main

import (
	"strconv"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/test/guests/rack-group/racks"
)

type policy struct{ racks.Policy }

var _ stowage.PreFilterPlugin = policy{}

func init() {
	stowage.Register(policy{}, racks.Reads|stowage.ReadPodLabels|stowage.ReadNodePods)
}

func main() {}

// Needs declares what may help a pod that was rejected, and the ledger of namespaces.
func (policy) Needs() stowage.Needs {
	return stowage.Needs{
		Events: []stowage.EventNeed{
			{Resource: "Node", Actions: stowage.ActionAdd},
			{Resource: "Pod", Actions: stowage.ActionDelete},
		},
		Accounts: []stowage.AccountNeed{{}},
	}
}

func (p policy) GeneratePlacements(g *stowage.PodGroup, nodes stowage.Nodes) ([]stowage.Placement, stowage.Status) {
	stowage.Count("generated", 1)
	return p.Policy.GeneratePlacements(g, nodes)
}

func (p policy) ScorePlacement(g *stowage.PodGroup, nodes stowage.Nodes) (int64, stowage.Status) {
	stowage.Count("compared", 1)
	return p.Policy.ScorePlacement(g, nodes)
}

// PodGroupPostFilter names all pods that carry the label that the group names.
func (policy) PodGroupPostFilter(g *stowage.PodGroup, nodes stowage.Nodes) (r stowage.PodGroupPostFilterResult, s stowage.Status) {
	stowage.Count("helped", 1)
	name, ok := g.Label("rack-group/victims")
	if !ok {
		return r, stowage.Unschedulable("the group names no victims")
	}
	for _, node := range nodes.All() {
		for other := range node.Pods() {
			if victim, _ := other.Label("rack-group/victim"); victim == name {
				r.Victims = append(r.Victims, strings.Clone(other.UID()))
			}
		}
	}
	if len(r.Victims) == 0 {
		return r, stowage.Unschedulable("there are no victims")
	}
	return r, stowage.Success()
}

func (policy) PreFilter(_ *stowage.Cycle, pod *stowage.Pod) (r stowage.PreFilterResult, s stowage.Status) {
	if _, ok := pod.Label("rack-group/report"); ok {
		namespace := strings.Clone(pod.Namespace())
		pods, cpu := stowage.Used(0, namespace, "pods"), stowage.Used(0, namespace, "cpu")
		stowage.Event(stowage.EventNormal, "Ledger", strconv.FormatInt(pods, 10)+" pods, "+strconv.FormatInt(cpu, 10)+"m")
	}
	return r, stowage.Success()
}

func (policy) Filter(_ *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) stowage.Status {
	if avoided, ok := pod.Label("rack-group/avoids"); ok && avoided == node.Name() {
		return stowage.Unschedulable("the pod avoids the node")
	}
	return stowage.Success()
}

func (policy) Score(_ *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) (int64, stowage.Status) {
	if preferred, ok := pod.Label("rack-group/prefers"); ok && preferred == node.Name() {
		return stowage.MaxScore, stowage.Success()
	}
	return stowage.MinScore, stowage.Success()
}

func (policy) Reserve(c *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node) stowage.Status {
	if c.Simulated() {
		stowage.Count("simulated", 1)
	}
	if _, taken := stowage.SharedData(pod.UID()); !taken {
		stowage.SetSharedData(pod.UID(), []byte("taken"))
		stowage.Count("taken", 1)
	}
	return stowage.Success()
}

func (policy) Unreserve(_ *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node) { giveBack(pod) }

func (policy) PostBind(_ *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node) { giveBack(pod) }

// giveBack is told more than once of some pods.
func giveBack(pod *stowage.Pod) {
	if _, taken := stowage.SharedData(pod.UID()); taken {
		stowage.SetSharedData(pod.UID(), nil)
		stowage.Count("returned", 1)
	}
}
