// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// node is a node's record with the sizes of the blocks its lists occupy, so that they can be
// released when the list is encoded again.
type node struct {
	rec    abi.NodeRecord
	blocks [numBlocks]block
}

// block is n bytes at off in a sink.
type block struct {
	off uint32
	n   int
}

// The lists of a node record that have a block.
const (
	blockLabels = iota
	blockTaints
	blockExtended
	blockConditions
	blockImages
	blockPorts
	blockAnnotations
	blockPods
	numBlocks
)

// usageBlocks are the lists that encodeUsage makes.
var usageBlocks = [...]int{blockExtended, blockImages, blockPorts, blockPods}

// sinks is where each space's lists of a node go.
type sinks struct{ data, annotations, pods sink }

// encodeObject fills what follows from the Node object alone.
func (n *node) encodeObject(to sinks, parts abi.Parts, obj *v1.Node) {
	s := to.data
	n.rec.Name = s.str(obj.Name)
	n.rec.Zone = s.str(topology(obj, v1.LabelTopologyZone, v1.LabelFailureDomainBetaZone))
	n.rec.Region = s.str(topology(obj, v1.LabelTopologyRegion, v1.LabelFailureDomainBetaRegion))
	n.rec.Flags = nodeFlags(obj)
	if parts&abi.NodeLabels != 0 {
		n.rec.Labels = n.keep(blockLabels, labelList(s, obj.Labels), labelSize)
	}
	if parts&abi.NodeTaints != 0 {
		n.rec.Taints = n.keep(blockTaints, taintList(s, obj.Spec.Taints), stride[abi.Taint](s))
	}
	if parts&abi.NodeConditions != 0 {
		n.rec.Conditions = n.keep(blockConditions, conditionList(s, obj.Status.Conditions), stride[abi.Condition](s))
	}
	if parts&abi.NodeAnnotations != 0 {
		list, size := annotationList(to.annotations, obj.Annotations)
		n.rec.Annotations = list
		n.blocks[blockAnnotations] = block{list.Off, size}
	}
}

// encodeUsage fills what changes when pods come and go.
func (n *node) encodeUsage(to sinks, parts abi.Parts, info fwk.NodeInfo) {
	s := to.data
	n.rec.PodCount = uint32(len(info.GetPods()))
	n.rec.MaxPods = int64(info.GetAllocatable().GetAllowedPodNumber())
	n.rec.Allocatable = resources(info.GetAllocatable())
	n.rec.Requested = resources(info.GetRequested())
	n.rec.NonZero = resources(info.GetNonZeroRequested())
	if parts&abi.NodeExtended != 0 {
		n.rec.Extended = n.keep(blockExtended, extendedList(s, info), stride[abi.Extended](s))
	}
	if parts&abi.NodeImages != 0 {
		n.rec.Images = n.keep(blockImages, imageList(s, info.GetImageStates()), stride[abi.Image](s))
	}
	if parts&abi.NodePorts != 0 {
		n.rec.Ports = n.keep(blockPorts, usedPortList(s, info.GetUsedPorts()), stride[abi.Port](s))
	}
	if parts&abi.NodePods != 0 {
		list, size := podsOnNode(to.pods, info.GetPods())
		n.rec.Pods = list
		n.blocks[blockPods] = block{list.Off, size}
	}
}

// keep notes a list's block.
func (n *node) keep(which int, l abi.List, stride int) abi.List {
	n.blocks[which] = block{l.Off, int(l.Count) * stride}
	return l
}

func topology(obj *v1.Node, key, legacy string) string {
	if v, ok := obj.Labels[key]; ok {
		return v
	}
	return obj.Labels[legacy]
}

var conditionFlags = map[v1.NodeConditionType]abi.NodeFlags{
	v1.NodeReady:              abi.NodeReady,
	v1.NodeMemoryPressure:     abi.NodeMemoryPressure,
	v1.NodeDiskPressure:       abi.NodeDiskPressure,
	v1.NodePIDPressure:        abi.NodePIDPressure,
	v1.NodeNetworkUnavailable: abi.NodeNetworkUnavailable,
}

func nodeFlags(obj *v1.Node) abi.NodeFlags {
	flags := abi.NodeValid
	if obj.Spec.Unschedulable {
		flags |= abi.NodeUnschedulable
	}
	for i := range obj.Status.Conditions {
		if c := &obj.Status.Conditions[i]; c.Status == v1.ConditionTrue {
			flags |= conditionFlags[c.Type]
		}
	}
	return flags
}

func resources(r fwk.Resource) abi.Resources {
	return abi.Resources{
		MilliCPU:         r.GetMilliCPU(),
		Memory:           r.GetMemory(),
		EphemeralStorage: r.GetEphemeralStorage(),
	}
}
