// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// AddEvent adds an event, whose Old and New are offsets of records that were added before, and
// returns where it is in Data.
func (c *Scratch) AddEvent(e abi.Event) uint32 {
	at := c.blob.alloc(stride[abi.Event](&c.blob))
	put(&c.blob, at, e)
	return uint32(position(at))
}

// AddPodRecord is AddPod, but returns the offset that other records refer to it by.
func (c *Scratch) AddPodRecord(pod *v1.Pod) uint32 { return c.offset(c.AddPod(pod)) }

// AddObjectRecord is AddObjects of one, but returns the offset that other records refer to it by.
func (c *Scratch) AddObjectRecord(o Object) uint32 { return c.offset(c.AddObjects(o)) }

func (c *Scratch) offset(pos uint32) uint32 { return offset(abi.SpaceScratch, int(pos)) }

// AddNodeRecord adds what follows from a Node object alone, with the parts that the policy reads, and
// returns the offset that other records refer to it by. What pods on the node use is not known, so
// PodCount, Requested and NonZero are 0, and there are neither Pods nor Ports.
func (c *Scratch) AddNodeRecord(obj *v1.Node) uint32 {
	var n node
	n.encodeObject(c.sinks(), c.parts, obj)
	c.encodeStatus(&n.rec, &obj.Status)
	at := c.blob.alloc(stride[abi.NodeRecord](&c.blob))
	put(&c.blob, at, n.rec)
	return at
}

// encodeStatus fills what a NodeInfo would say of a node's status.
func (c *Scratch) encodeStatus(rec *abi.NodeRecord, status *v1.NodeStatus) {
	extended := map[v1.ResourceName]int64{}
	for name, q := range status.Allocatable {
		switch name {
		case v1.ResourceCPU:
			rec.Allocatable.MilliCPU = q.MilliValue()
		case v1.ResourceMemory:
			rec.Allocatable.Memory = q.Value()
		case v1.ResourceEphemeralStorage:
			rec.Allocatable.EphemeralStorage = q.Value()
		case v1.ResourcePods:
			rec.MaxPods = q.Value()
		default:
			extended[name] = q.Value()
		}
	}
	if c.parts&abi.NodeExtended != 0 {
		rec.Extended = c.allocatable(extended)
	}
	if c.parts&abi.NodeImages != 0 {
		rec.Images = c.images(status.Images)
	}
}

func (c *Scratch) allocatable(extended map[v1.ResourceName]int64) abi.List {
	l := newGrowing[abi.Extended](&c.blob, len(extended))
	for i, name := range sortedKeys(extended) {
		l.set(i, abi.Extended{Name: l.s.str(string(name)), Allocatable: extended[name]})
	}
	return l.list
}

// images lists every name of every image. How many nodes have it is not known.
func (c *Scratch) images(images []v1.ContainerImage) abi.List {
	sizes := map[string]int64{}
	for _, image := range images {
		for _, name := range image.Names {
			sizes[name] = image.SizeBytes
		}
	}
	l := newGrowing[abi.Image](&c.blob, len(sizes))
	for i, name := range sortedKeys(sizes) {
		l.set(i, abi.Image{Name: l.s.str(name), Size: sizes[name]})
	}
	return l.list
}
