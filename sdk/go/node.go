// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Node is a node as the scheduler sees it in this cycle: with the pods that run on it and those
// assumed to. A Node and every string read from it are views of the host's memory, valid during
// the call; strings.Clone what you keep.
type Node struct {
	v   *view
	rec *abi.NodeRecord
}

// Name of the node.
func (n *Node) Name() string { return n.v.str(n.rec.Name) }

// Zone is the label topology.kubernetes.io/zone; "" if the node has none.
func (n *Node) Zone() string { return n.v.str(n.rec.Zone) }

// Region is the label topology.kubernetes.io/region; "" if the node has none.
func (n *Node) Region() string { return n.v.str(n.rec.Region) }

// InZone reports whether Zone is zone, as cheaply as LabelIs.
func (n *Node) InZone(zone string) bool {
	if e, s := &n.v.zone, n.rec.Zone; same(e.want, zone) && !elsewhere(s, e.off) {
		return s.Off == e.off
	}
	return n.v.is(&n.v.zone, n.rec.Zone, zone)
}

// InRegion reports whether Region is region, as cheaply as LabelIs.
func (n *Node) InRegion(region string) bool {
	if e, s := &n.v.region, n.rec.Region; same(e.want, region) && !elsewhere(s, e.off) {
		return s.Off == e.off
	}
	return n.v.is(&n.v.region, n.rec.Region, region)
}

// Unschedulable reports whether the node is cordoned (spec.unschedulable).
func (n *Node) Unschedulable() bool { return n.rec.Flags&abi.NodeUnschedulable != 0 }

// Ready reports whether the condition Ready is True.
func (n *Node) Ready() bool { return n.rec.Flags&abi.NodeReady != 0 }

// MemoryPressure reports whether the condition of this name is True.
func (n *Node) MemoryPressure() bool { return n.rec.Flags&abi.NodeMemoryPressure != 0 }

// DiskPressure reports whether the condition of this name is True.
func (n *Node) DiskPressure() bool { return n.rec.Flags&abi.NodeDiskPressure != 0 }

// PIDPressure reports whether the condition of this name is True.
func (n *Node) PIDPressure() bool { return n.rec.Flags&abi.NodePIDPressure != 0 }

// NetworkUnavailable reports whether the condition of this name is True.
func (n *Node) NetworkUnavailable() bool { return n.rec.Flags&abi.NodeNetworkUnavailable != 0 }

// PodCount is the number of pods on the node, assumed ones included.
func (n *Node) PodCount() int { return int(n.rec.PodCount) }

// MaxPods is the number of pods that the node allows.
func (n *Node) MaxPods() int64 { return n.rec.MaxPods }

// Resources is an amount of what every node has: CPU in milli-cores, the rest in bytes.
type Resources struct {
	MilliCPU         int64
	Memory           int64
	EphemeralStorage int64
}

// Allocatable is what the node offers to pods.
func (n *Node) Allocatable() Resources { return Resources(n.rec.Allocatable) }

// Requested is the sum of the requests of the node's pods.
func (n *Node) Requested() Resources { return Resources(n.rec.Requested) }

// NonZeroRequested is Requested with the scheduler's defaults (100m, 200MB) for containers that
// request no CPU or memory; scores usually take it, so that such pods are spread too.
// EphemeralStorage is 0.
func (n *Node) NonZeroRequested() Resources { return Resources(n.rec.NonZero) }

// Label looks a label up. It needs ReadNodeLabels. Looking up the same string on node after
// node is cheap.
func (n *Node) Label(key string) (string, bool) {
	v, l := n.v, n.rec.Labels
	if e := v.keys.of(key); e.index < l.Count && same(e.key, key) {
		if p := (*abi.Label)(unsafe.Add(v.at(l.Off), uintptr(e.index)*labelSize)); p.Key.Off == e.off {
			return v.str(p.Value), true
		}
	}
	return v.label(ReadNodeLabels, l, key)
}

// LabelIs reports whether the node has a label with a value. It needs ReadNodeLabels. It is
// much cheaper than comparing what Label returns: equal strings are stored once, so that it
// compares where they are.
func (n *Node) LabelIs(key, value string) bool {
	v, l := n.v, n.rec.Labels
	if e := v.keys.of(key); e.index < l.Count && same(e.value.want, value) && same(e.key, key) {
		if p := (*abi.Label)(unsafe.Add(v.at(l.Off), uintptr(e.index)*labelSize)); p.Key.Off == e.off && !elsewhere(p.Value, e.value.off) {
			return p.Value.Off == e.value.off
		}
	}
	return v.labelIs(l, key, value)
}

// Labels of the node. It needs ReadNodeLabels.
func (n *Node) Labels() Labels {
	n.v.need(ReadNodeLabels)
	return Labels{n.v, n.rec.Labels}
}

// Annotation looks an annotation up. It needs ReadNodeAnnotations.
func (n *Node) Annotation(key string) (string, bool) {
	return n.v.label(ReadNodeAnnotations, n.rec.Annotations, key)
}

// Annotations of the node. It needs ReadNodeAnnotations.
func (n *Node) Annotations() Labels {
	n.v.need(ReadNodeAnnotations)
	return Labels{n.v, n.rec.Annotations}
}
