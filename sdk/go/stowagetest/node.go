// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"maps"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

// Labels that Node.Zone and Node.Region are read from.
const (
	zoneLabel   = "topology.kubernetes.io/zone"
	regionLabel = "topology.kubernetes.io/region"
)

// Node is what the policy will see as a node. Its methods change it and return it.
type Node struct {
	name                   string
	labels, annotations    map[string]string
	conditions             map[string]stowage.ConditionStatus
	unschedulable          bool
	allocatable, requested map[string]int64
	podCount               int
	maxPods                int64
	taints                 []stowage.Taint
	images                 []stowage.Image
	ports                  []stowage.Port
	pods                   []*Pod
}

// MakeNode makes a node that is ready and allows 110 pods.
func MakeNode(name string) *Node {
	return &Node{
		name:        name,
		maxPods:     110,
		labels:      map[string]string{},
		annotations: map[string]string{},
		conditions:  map[string]stowage.ConditionStatus{"Ready": stowage.ConditionTrue},
		allocatable: map[string]int64{},
		requested:   map[string]int64{},
	}
}

// Name of the node.
func (n *Node) Name() string { return n.name }

// Label sets a label.
func (n *Node) Label(key, value string) *Node { n.labels[key] = value; return n }

// Zone sets the label of the zone.
func (n *Node) Zone(zone string) *Node { return n.Label(zoneLabel, zone) }

// Region sets the label of the region.
func (n *Node) Region(region string) *Node { return n.Label(regionLabel, region) }

// Annotation sets an annotation.
func (n *Node) Annotation(key, value string) *Node { n.annotations[key] = value; return n }

// Taint adds a taint.
func (n *Node) Taint(key, value string, effect stowage.Effect) *Node {
	n.taints = append(n.taints, stowage.Taint{Key: key, Value: value, Effect: effect})
	return n
}

// Unschedulable cordons the node.
func (n *Node) Unschedulable() *Node { n.unschedulable = true; return n }

// Condition sets a condition, and what follows from it, such as stowage.Node.Ready.
func (n *Node) Condition(kind string, status stowage.ConditionStatus) *Node {
	n.conditions[kind] = status
	return n
}

// Allocatable sets how much of a resource the node offers, as a Kubernetes quantity: "500m",
// "16Gi", "8".
func (n *Node) Allocatable(resource, quantity string) *Node {
	n.allocatable[resource] = parse(resource, quantity)
	return n
}

// Requested adds to what pods on the node request, without saying which pods.
func (n *Node) Requested(resource, quantity string) *Node {
	n.requested[resource] += parse(resource, quantity)
	return n
}

// PodCount adds pods that nothing else is known about.
func (n *Node) PodCount(count int) *Node { n.podCount += count; return n }

// MaxPods sets how many pods the node allows.
func (n *Node) MaxPods(count int64) *Node { n.maxPods = count; return n }

// Image adds an image that the node, and this many nodes in all, hold.
func (n *Node) Image(name string, size int64, nodes int) *Node {
	n.images = append(n.images, stowage.Image{Name: name, Size: size, Nodes: nodes})
	return n
}

// Port adds a host port in use.
func (n *Node) Port(p stowage.Port) *Node { n.ports = append(n.ports, p); return n }

// Pods puts pods on the node; what they request is added to Requested.
func (n *Node) Pods(pods ...*Pod) *Node { n.pods = append(n.pods, pods...); return n }

// Requests of a pod without any, in the scheduler's scoring.
const (
	defaultMilliCPU = 100
	defaultMemory   = 200 << 20
)

// totals are what the node's pods request, and the same with defaults for pods without.
func (n *Node) totals() (requested, nonZero map[string]int64) {
	requested, nonZero = maps.Clone(n.requested), maps.Clone(n.requested)
	for _, p := range n.pods {
		total := p.total(p.requests, requestsOf)
		for name, amount := range total {
			requested[name] += amount
			nonZero[name] += amount
		}
		if total[stowage.ResourceCPU] == 0 {
			nonZero[stowage.ResourceCPU] += defaultMilliCPU
		}
		if total[stowage.ResourceMemory] == 0 {
			nonZero[stowage.ResourceMemory] += defaultMemory
		}
	}
	return requested, nonZero
}
