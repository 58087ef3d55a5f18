// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Taint of a node.
type Taint struct {
	Key, Value string
	Effect     Effect
}

// Taints of the node. It needs ReadNodeTaints.
func (n *Node) Taints() iter.Seq[Taint] {
	return seq(n.v, ReadNodeTaints, n.rec.Taints, abi.RecordTaint, newTaint)
}

func newTaint(v *view, t *abi.Taint) Taint {
	return Taint{v.str(t.Key), v.str(t.Value), Effect(t.Effect)}
}

// ExtendedResource is a node's amount of a resource that not every node has: GPUs, huge pages.
type ExtendedResource struct {
	Name                   string
	Allocatable, Requested int64
}

// Extended looks an extended resource up. It needs ReadNodeExtended.
func (n *Node) Extended(name string) (allocatable, requested int64, ok bool) {
	n.v.need(ReadNodeExtended)
	e := (*abi.Extended)(n.v.find(n.rec.Extended, n.v.stride(abi.RecordExtended), name))
	if e == nil {
		return 0, 0, false
	}
	return e.Allocatable, e.Requested, true
}

// ExtendedResources of the node, sorted by name. It needs ReadNodeExtended.
func (n *Node) ExtendedResources() iter.Seq[ExtendedResource] {
	return seq(n.v, ReadNodeExtended, n.rec.Extended, abi.RecordExtended, newExtended)
}

func newExtended(v *view, e *abi.Extended) ExtendedResource {
	return ExtendedResource{v.str(e.Name), e.Allocatable, e.Requested}
}

// ConditionStatus is the status of a node condition.
type ConditionStatus uint32

// Condition statuses.
const (
	ConditionUnknown = ConditionStatus(abi.ConditionUnknown)
	ConditionFalse   = ConditionStatus(abi.ConditionFalse)
	ConditionTrue    = ConditionStatus(abi.ConditionTrue)
)

// String is Kubernetes' name of the status.
func (s ConditionStatus) String() string { return name(s, "Unknown", "False", "True") }

// Condition of a node.
type Condition struct {
	Type   string
	Status ConditionStatus
}

// Conditions of the node, of any type. It needs ReadNodeConditions; the usual ones are also
// methods such as Ready, which need nothing.
func (n *Node) Conditions() iter.Seq[Condition] {
	return seq(n.v, ReadNodeConditions, n.rec.Conditions, abi.RecordCondition, newCondition)
}

func newCondition(v *view, c *abi.Condition) Condition {
	return Condition{v.str(c.Type), ConditionStatus(c.Status)}
}

// Image that a node holds.
type Image struct {
	Name string
	// Size in bytes.
	Size int64
	// Nodes is how many nodes of the cluster hold it.
	Nodes int
}

// Images that the node holds. It needs ReadNodeImages.
func (n *Node) Images() iter.Seq[Image] {
	return seq(n.v, ReadNodeImages, n.rec.Images, abi.RecordImage, newImage)
}

func newImage(v *view, i *abi.Image) Image {
	return Image{v.str(i.Name), i.Size, int(i.Nodes)}
}

// Protocol of a port.
type Protocol uint32

// Protocols.
const (
	ProtocolTCP  = Protocol(abi.ProtocolTCP)
	ProtocolUDP  = Protocol(abi.ProtocolUDP)
	ProtocolSCTP = Protocol(abi.ProtocolSCTP)
)

// String is Kubernetes' name of the protocol.
func (p Protocol) String() string { return name(p, "TCP", "UDP", "SCTP") }

// Port in use on a node, or of a container.
type Port struct {
	// HostIP that it is bound to; "" is all.
	HostIP   string
	Protocol Protocol
	// Host is the port on the node; 0 if a container asks for none.
	Host int
	// Container is the port in the container; 0 for one in use on a node.
	Container int
}

// Ports of the host that the node's pods use. It needs ReadNodePorts.
func (n *Node) Ports() iter.Seq[Port] {
	return seq(n.v, ReadNodePorts, n.rec.Ports, abi.RecordPort, newPort)
}

func newPort(v *view, p *abi.Port) Port {
	return Port{v.str(p.HostIP), Protocol(p.Protocol), int(p.Host), int(p.Container)}
}

// Pods that run on the node or are assumed to, in no particular order. It needs ReadNodePods.
func (n *Node) Pods() iter.Seq[PodOnNode] {
	return seq(n.v, ReadNodePods, n.rec.Pods, abi.RecordPodOnNode, newPodOnNode)
}

func newPodOnNode(v *view, p *abi.PodOnNode) PodOnNode { return PodOnNode{v, p} }

// name is the name of an enumeration's value; values that this SDK does not know are Unknown.
func name[E ~uint32](e E, names ...string) string {
	if int(e) < len(names) {
		return names[e]
	}
	return "Unknown"
}
