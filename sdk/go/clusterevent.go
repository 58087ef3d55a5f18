// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// Action is a set of kinds of changes.
type Action uint32

// Actions. The updates of parts are for EventNeed, where they leave out all other updates; a
// ClusterEvent has ActionAdd, ActionDelete or ActionUpdate.
const (
	ActionAdd    = Action(abi.ActionAdd)
	ActionDelete = Action(abi.ActionDelete)
	// ActionUpdate is any update.
	ActionUpdate                   = Action(abi.ActionUpdate)
	ActionUpdateNodeAllocatable    = Action(abi.ActionUpdateNodeAllocatable)
	ActionUpdateNodeLabels         = Action(abi.ActionUpdateNodeLabels)
	ActionUpdateNodeTaints         = Action(abi.ActionUpdateNodeTaints)
	ActionUpdateNodeConditions     = Action(abi.ActionUpdateNodeConditions)
	ActionUpdateNodeAnnotations    = Action(abi.ActionUpdateNodeAnnotations)
	ActionUpdatePodLabels          = Action(abi.ActionUpdatePodLabels)
	ActionUpdatePodScaleDown       = Action(abi.ActionUpdatePodScaleDown)
	ActionUpdatePodTolerations     = Action(abi.ActionUpdatePodTolerations)
	ActionUpdatePodGatesEliminated = Action(abi.ActionUpdatePodGatesEliminated)
	// ActionAll is adding, deleting and any update.
	ActionAll = ActionAdd | ActionDelete | ActionUpdate
)

// ClusterEvent is a change in the cluster. What it returns are views like Pod and Node, valid during
// the call.
type ClusterEvent struct {
	v     *view
	rec   *abi.Event
	needs *Needs
	// old and updated are where the accessors put what they return.
	old, updated struct {
		pod    Pod
		node   Node
		object Object
	}
}

// Action is ActionAdd, ActionDelete or ActionUpdate.
func (e *ClusterEvent) Action() Action { return Action(e.rec.Action) }

// Source is the index in Needs.Objects of an event of an object, else that in Needs.Events.
func (e *ClusterEvent) Source() int { return int(e.rec.Source) }

// IsObject tells an event of Needs.Objects from one of Needs.Events.
func (e *ClusterEvent) IsObject() bool { return e.rec.Kind == abi.EventOfObject }

// Resource is that of the need that Source is the index of, such as "Pod".
func (e *ClusterEvent) Resource() string {
	source := e.Source()
	if e.IsObject() && source < len(e.needs.Objects) {
		return e.needs.Objects[source].Resource
	}
	if !e.IsObject() && source < len(e.needs.Events) {
		return e.needs.Events[source].Resource
	}
	return ""
}

// OldPod is the pod as it was; nil if it was added, or if the event is not about a pod.
func (e *ClusterEvent) OldPod() *Pod { return e.pod(&e.old.pod, e.rec.Old) }

// NewPod is the pod as it is; nil if it was deleted, or if the event is not about a pod.
func (e *ClusterEvent) NewPod() *Pod { return e.pod(&e.updated.pod, e.rec.New) }

// OldNode is the node as it was; nil if it was added, or if the event is not about a node.
func (e *ClusterEvent) OldNode() *Node { return e.node(&e.old.node, e.rec.Old) }

// NewNode is the node as it is; nil if it was deleted, or if the event is not about a node.
func (e *ClusterEvent) NewNode() *Node { return e.node(&e.updated.node, e.rec.New) }

// OldObject is the object as it was; nil if it was added, or if the event is not about an object.
func (e *ClusterEvent) OldObject() *Object { return e.object(&e.old.object, e.rec.Old) }

// NewObject is the object as it is; nil if it was deleted, or if the event is not about an object.
func (e *ClusterEvent) NewObject() *Object { return e.object(&e.updated.object, e.rec.New) }

func (e *ClusterEvent) pod(p *Pod, off uint32) *Pod {
	if off == 0 || e.rec.Kind != abi.EventOfPod {
		return nil
	}
	*p = Pod{e.v, (*abi.PodRecord)(e.v.at(off))}
	return p
}

func (e *ClusterEvent) node(n *Node, off uint32) *Node {
	if off == 0 || e.rec.Kind != abi.EventOfNode {
		return nil
	}
	*n = Node{e.v, (*abi.NodeRecord)(e.v.at(off))}
	return n
}

func (e *ClusterEvent) object(o *Object, off uint32) *Object {
	if off == 0 || e.rec.Kind != abi.EventOfObject {
		return nil
	}
	*o = Object{e.v, (*abi.Object)(e.v.at(off))}
	return o
}
