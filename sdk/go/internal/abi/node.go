// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package abi

// NodeFlags of a node record.
type NodeFlags uint32

// Bits of NodeFlags. A slot without NodeValid is free and its record means nothing.
const (
	NodeValid NodeFlags = 1 << iota
	NodeUnschedulable
	NodeReady
	NodeMemoryPressure
	NodeDiskPressure
	NodePIDPressure
	NodeNetworkUnavailable
)

// Resources is the resources that every node has. CPU in milli-cores, the rest in bytes.
type Resources struct {
	MilliCPU         int64
	Memory           int64
	EphemeralStorage int64
}

// NodeRecord is one slot of the node table (RecordNode).
type NodeRecord struct {
	Name, Zone, Region Str
	Flags              NodeFlags
	// PodCount is the number of pods on the node, assumed ones included.
	PodCount uint32
	// MaxPods is how many pods the node allows.
	MaxPods     int64
	Allocatable Resources
	// Requested is the sum of the pods' requests by Kubernetes' own arithmetic.
	Requested Resources
	// NonZero is Requested with the scheduler's defaults for containers without requests;
	// EphemeralStorage is 0.
	NonZero     Resources
	Labels      List // Label, sorted by key
	Taints      List // Taint
	Extended    List // Extended, sorted by name
	Conditions  List // Condition
	Images      List // Image
	Annotations List // Label, sorted by key
	Pods        List // PodOnNode
	Ports       List // Port
}

// Effect of a taint or toleration. EffectAll is an empty effect in a toleration.
type Effect uint32

// Effects.
const (
	EffectAll Effect = iota
	EffectNoSchedule
	EffectPreferNoSchedule
	EffectNoExecute
)

// Taint of a node.
type Taint struct {
	Key, Value Str
	Effect     Effect
	_          uint32
}

// Extended is one extended resource of a node, in whole units.
type Extended struct {
	Name                   Str
	Allocatable, Requested int64
}

// ConditionStatus is the status of a node condition.
type ConditionStatus uint32

// Condition statuses.
const (
	ConditionUnknown ConditionStatus = iota
	ConditionFalse
	ConditionTrue
)

// Condition of a node, any type.
type Condition struct {
	Type   Str
	Status ConditionStatus
	_      uint32
}

// Image that a node holds. Nodes is how many nodes of the cluster hold it.
type Image struct {
	Name  Str
	Size  int64
	Nodes uint32
	_     uint32
}

// Protocol of a port.
type Protocol uint32

// Protocols.
const (
	ProtocolTCP Protocol = iota
	ProtocolUDP
	ProtocolSCTP
)

// Port in use on a node, or of a container (Host is 0 if it asks for no host port).
type Port struct {
	HostIP          Str
	Protocol        Protocol
	Host, Container uint32
	_               uint32
}

// PodOnNode is a pod that runs on a node or is assumed to.
type PodOnNode struct {
	Name, Namespace, UID Str
	Priority             int32
	Flags                PodFlags
	Requests             Resources
	Labels               List // Label, sorted by key
	Extended             List // Quantity, sorted by name
	// OwnerKind and OwnerName are the controller's; empty if there is none.
	OwnerKind, OwnerName Str
}

// Quantity of one resource: CPU in milli-cores, everything else in whole units.
type Quantity struct {
	Name  Str
	Value int64
}
