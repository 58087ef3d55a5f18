// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"maps"
	"slices"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// nodeEncoder writes node records. For nodes that are not as in the snapshot the three spaces
// are one.
type nodeEncoder struct {
	data, annotations, pods *space
	reads                   abi.Parts
}

// part is a list if the policy reads it, else empty.
func (e nodeEncoder) part(p abi.Parts, build func() abi.List) abi.List {
	if e.reads&p == 0 {
		return abi.List{}
	}
	return build()
}

func (e nodeEncoder) node(n *Node) abi.NodeRecord {
	d := e.data
	requested, nonZero := n.totals()
	return abi.NodeRecord{
		Name:        d.str(n.name),
		Zone:        d.str(n.labels[zoneLabel]),
		Region:      d.str(n.labels[regionLabel]),
		Flags:       n.flags(),
		PodCount:    uint32(n.podCount + len(n.pods)),
		MaxPods:     n.maxPods,
		Allocatable: resources(n.allocatable),
		Requested:   resources(requested),
		NonZero: abi.Resources{
			MilliCPU: nonZero[stowage.ResourceCPU],
			Memory:   nonZero[stowage.ResourceMemory],
		},
		Labels:      e.part(abi.NodeLabels, func() abi.List { return d.labels(n.labels) }),
		Annotations: e.part(abi.NodeAnnotations, func() abi.List { return e.annotations.labels(n.annotations) }),
		Taints:      e.part(abi.NodeTaints, func() abi.List { return list(d, n.taints, taint) }),
		Extended:    e.part(abi.NodeExtended, func() abi.List { return extended(d, n.allocatable, requested) }),
		Conditions:  e.part(abi.NodeConditions, func() abi.List { return conditions(d, n.conditions) }),
		Images:      e.part(abi.NodeImages, func() abi.List { return list(d, n.images, image) }),
		Ports:       e.part(abi.NodePorts, func() abi.List { return list(d, n.ports, usedPort) }),
		Pods:        e.part(abi.NodePods, func() abi.List { return list(e.pods, n.pods, podOnNode) }),
	}
}

func (n *Node) flags() abi.NodeFlags {
	flags := abi.NodeValid
	if n.unschedulable {
		flags |= abi.NodeUnschedulable
	}
	for kind, flag := range map[string]abi.NodeFlags{
		"Ready":              abi.NodeReady,
		"MemoryPressure":     abi.NodeMemoryPressure,
		"DiskPressure":       abi.NodeDiskPressure,
		"PIDPressure":        abi.NodePIDPressure,
		"NetworkUnavailable": abi.NodeNetworkUnavailable,
	} {
		if n.conditions[kind] == stowage.ConditionTrue {
			flags |= flag
		}
	}
	return flags
}

func resources(m map[string]int64) abi.Resources {
	return abi.Resources{
		MilliCPU:         m[stowage.ResourceCPU],
		Memory:           m[stowage.ResourceMemory],
		EphemeralStorage: m[stowage.ResourceEphemeralStorage],
	}
}

func isExtended(name string) bool {
	return name != stowage.ResourceCPU && name != stowage.ResourceMemory && name != stowage.ResourceEphemeralStorage
}

func extended(s *space, allocatable, requested map[string]int64) abi.List {
	all := maps.Clone(requested)
	maps.Copy(all, allocatable)
	var rs []abi.Extended
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if isExtended(name) {
			rs = append(rs, abi.Extended{Name: s.str(name), Allocatable: allocatable[name], Requested: requested[name]})
		}
	}
	return records(s, padding, rs)
}

func conditions(s *space, m map[string]stowage.ConditionStatus) abi.List {
	var rs []abi.Condition
	for _, kind := range slices.Sorted(maps.Keys(m)) {
		rs = append(rs, abi.Condition{Type: s.str(kind), Status: abi.ConditionStatus(m[kind])})
	}
	return records(s, padding, rs)
}

func taint(s *space, t stowage.Taint) abi.Taint {
	return abi.Taint{Key: s.str(t.Key), Value: s.str(t.Value), Effect: abi.Effect(t.Effect)}
}

func image(s *space, i stowage.Image) abi.Image {
	return abi.Image{Name: s.str(i.Name), Size: i.Size, Nodes: uint32(i.Nodes)}
}

func port(s *space, p stowage.Port) abi.Port {
	return abi.Port{
		HostIP:    s.str(p.HostIP),
		Protocol:  abi.Protocol(p.Protocol),
		Host:      uint32(p.Host),
		Container: uint32(p.Container),
	}
}

// usedPort leaves the container's port out: the scheduler does not know it.
func usedPort(s *space, p stowage.Port) abi.Port {
	r := port(s, p)
	r.Container = 0
	return r
}

func podOnNode(s *space, p *Pod) abi.PodOnNode {
	requests := p.total(p.requests, requestsOf)
	r := abi.PodOnNode{
		Name:      s.str(p.name),
		Namespace: s.str(p.namespace),
		UID:       s.str(p.uid),
		Priority:  p.priority,
		Flags:     p.flags,
		Requests:  resources(requests),
		Labels:    s.labels(p.labels),
		Extended:  quantities(s, requests, isExtended),
	}
	for _, o := range p.owners {
		if o.Controller {
			r.OwnerKind, r.OwnerName = s.str(o.Kind), s.str(o.Name)
		}
	}
	return r
}

// quantities are the amounts of resources whose names qualify.
func quantities(s *space, m map[string]int64, qualifies func(string) bool) abi.List {
	var rs []abi.Quantity
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if qualifies(name) {
			rs = append(rs, abi.Quantity{Name: s.str(name), Value: m[name]})
		}
	}
	return records(s, padding, rs)
}
