// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Command points is a policy that acts at every extension point before and after Filter and Score,
// as the pod's labels say, for tests on a real control plane.
//
//	points/gate=closed      PreEnqueue keeps the pod out of the queue while it has this label
//	points/needs=K          Filter refuses nodes without the label K; only such nodes give a hint
//	points/no-seat=yes      PreBind rejects the pod as long as the ConfigMap default/seats is not there,
//	                        or another kind of object if the configuration says {seats: resource}
//	points/victims=L        PostFilter evicts all pods with the label points/victim=L and nominates
//	                        the first node that has one
//	points/rank=yes         PostFilter is left to the host, which evicts pods with points/victim only
//	points/seat=S           Bind gives the pod the annotation points/seat
//
// It counts what it is asked in the metrics reserved, unreserved, hints and bound.
package main

import (
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

type policy struct {
	// resource is the kind of the object that seats tells the existence of.
	resource string
	seats    bool
}

func init() {
	stowage.Register(&policy{}, stowage.ReadPodLabels|stowage.ReadNodeLabels|stowage.ReadNodePods)
}

func main() {}

func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	p.resource = c.String("seats", "configmaps.v1")
	return c.Err()
}

// Needs declares what may help a pod that was rejected.
func (p *policy) Needs() stowage.Needs {
	return stowage.Needs{
		Events: []stowage.EventNeed{
			{Resource: "Node", Actions: stowage.ActionAdd | stowage.ActionUpdateNodeLabels},
			{Resource: "Pod", Actions: stowage.ActionUpdatePodLabels},
		},
		Objects: []stowage.ObjectNeed{{Resource: p.resource, Namespace: "default", FieldSelector: "metadata.name=seats"}},
	}
}

func (p *policy) ObjectChanged(o *stowage.Object) { p.seats = !o.Deleted() }

func (p *policy) PreEnqueue(_ *stowage.Cycle, pod *stowage.Pod) stowage.Status {
	if gate, _ := pod.Label("points/gate"); gate == "closed" {
		return stowage.Unschedulable("the gate is closed")
	}
	return stowage.Success()
}

func (p *policy) Filter(_ *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) stowage.Status {
	key, ok := pod.Label("points/needs")
	if !ok {
		return stowage.Success()
	}
	if _, has := node.Label(key); !has {
		return stowage.Unschedulable("the node has no label " + strings.Clone(key))
	}
	return stowage.Success()
}

func (p *policy) QueueingHint(pod *stowage.Pod, e *stowage.ClusterEvent) stowage.Hint {
	stowage.Count("hints", 1)
	node := e.NewNode()
	if node == nil {
		return stowage.Queue
	}
	key, ok := pod.Label("points/needs")
	if _, has := node.Label(key); ok && !has {
		return stowage.QueueSkip
	}
	return stowage.Queue
}

func (p *policy) Sign(pod *stowage.Pod) ([]byte, stowage.Status) {
	key, _ := pod.Label("points/needs")
	return []byte(key), stowage.Success()
}

func (p *policy) PostFilter(_ *stowage.Cycle, pod *stowage.Pod, nodes stowage.Nodes) (r stowage.PostFilterResult, s stowage.Status) {
	name, ok := pod.Label("points/victims")
	if !ok {
		return r, stowage.Unschedulable("")
	}
	for i := range nodes.Len() {
		node := nodes.At(i)
		for other := range node.Pods() {
			if victim, _ := other.Label("points/victim"); victim != name {
				continue
			}
			if len(r.Victims) == 0 {
				r.Nominate(&node)
			}
			r.Victims = append(r.Victims, strings.Clone(other.UID()))
		}
	}
	if len(r.Victims) == 0 {
		return r, stowage.Unschedulable("there are no victims")
	}
	return r, stowage.Success()
}

func (p *policy) RankVictim(_ *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node, candidate stowage.PodOnNode) stowage.VictimRank {
	if _, ok := pod.Label("points/rank"); !ok {
		return stowage.VictimProtected
	}
	if _, ok := candidate.Label("points/victim"); !ok {
		return stowage.VictimProtected
	}
	return 1
}

func (p *policy) Reserve(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status {
	stowage.Count("reserved", 1)
	return stowage.Success()
}

func (p *policy) Unreserve(*stowage.Cycle, *stowage.Pod, *stowage.Node) {
	stowage.Count("unreserved", 1)
}

func (p *policy) PreBind(_ *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) stowage.Status {
	if _, waits := pod.Label("points/no-seat"); waits && !p.seats {
		return stowage.Unschedulable("there is no seat on " + strings.Clone(node.Name()))
	}
	return stowage.Success()
}

func (p *policy) Bind(_ *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) (r stowage.BindResult, s stowage.Status) {
	seat, ok := pod.Label("points/seat")
	if !ok {
		return r, stowage.Skip()
	}
	r.Annotations = []stowage.Annotation{{Key: "points/seat", Value: seat + "@" + node.Name()}}
	return r, stowage.Success()
}

func (p *policy) PostBind(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) {
	stowage.Count("bound", 1)
	stowage.Event(stowage.EventNormal, "Seated", "on "+node.Name())
}
