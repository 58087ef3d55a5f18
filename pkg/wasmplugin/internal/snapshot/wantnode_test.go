// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"cmp"
	"maps"
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// wantNode is what a record must say of a node with pods: computed from the API objects alone,
// but for how many nodes have an image, which the scheduler refreshes at its own pace.
func wantNode(node *v1.Node, pods []*v1.Pod, images map[string]*fwk.ImageStateSummary, parts abi.Parts) nodeView {
	w := nodeView{
		Name: node.Name, Zone: node.Labels[v1.LabelTopologyZone], Region: node.Labels[v1.LabelTopologyRegion],
		Flags: wantFlags(node), PodCount: uint32(len(pods)),
		MaxPods: node.Status.Allocatable.Pods().Value(), Allocatable: wantResources(node.Status.Allocatable),
	}
	for _, p := range pods {
		addUp(&w.Requested, wantResources(total(p)))
		addUp(&w.NonZero, wantNonZero(p))
	}
	for part, fill := range map[abi.Parts]func(){
		abi.NodeLabels:      func() { w.Labels = pairs(node.Labels) },
		abi.NodeAnnotations: func() { w.Annotations = pairs(node.Annotations) },
		abi.NodeTaints:      func() { w.Taints = wantTaints(node) },
		abi.NodeExtended:    func() { w.Extended = wantExtended(node, pods) },
		abi.NodeConditions:  func() { w.Conditions = wantConditions(node) },
		abi.NodeImages:      func() { w.Images = wantImages(images) },
		abi.NodePorts:       func() { w.Ports = wantPorts(pods) },
		abi.NodePods:        func() { w.Pods = wantPods(pods) },
	} {
		if parts&part != 0 {
			fill()
		}
	}
	return w
}

func wantFlags(node *v1.Node) abi.NodeFlags {
	flags := abi.NodeValid
	if node.Spec.Unschedulable {
		flags |= abi.NodeUnschedulable
	}
	bits := map[v1.NodeConditionType]abi.NodeFlags{
		"Ready": abi.NodeReady, "MemoryPressure": abi.NodeMemoryPressure, "DiskPressure": abi.NodeDiskPressure,
		"PIDPressure": abi.NodePIDPressure, "NetworkUnavailable": abi.NodeNetworkUnavailable,
	}
	for _, c := range node.Status.Conditions {
		if c.Status == "True" {
			flags |= bits[c.Type]
		}
	}
	return flags
}

// total adds up the containers; pods of the random world have nothing else.
func total(p *v1.Pod) v1.ResourceList {
	sum := v1.ResourceList{}
	for _, c := range p.Spec.Containers {
		for name, q := range c.Resources.Requests {
			have := sum[name]
			have.Add(q)
			sum[name] = have
		}
	}
	return sum
}

func wantResources(l v1.ResourceList) abi.Resources {
	return abi.Resources{MilliCPU: l.Cpu().MilliValue(), Memory: l.Memory().Value(), EphemeralStorage: l.StorageEphemeral().Value()}
}

// wantNonZero counts 100m and 200Mi for each container that does not say.
func wantNonZero(p *v1.Pod) (r abi.Resources) {
	for _, c := range p.Spec.Containers {
		cpu, memory := int64(100), int64(200<<20)
		if q, ok := c.Resources.Requests[v1.ResourceCPU]; ok {
			cpu = q.MilliValue()
		}
		if q, ok := c.Resources.Requests[v1.ResourceMemory]; ok {
			memory = q.Value()
		}
		addUp(&r, abi.Resources{MilliCPU: cpu, Memory: memory})
	}
	return r
}

func addUp(to *abi.Resources, r abi.Resources) {
	to.MilliCPU += r.MilliCPU
	to.Memory += r.Memory
	to.EphemeralStorage += r.EphemeralStorage
}

func pairs(m map[string]string) (out []pair) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, pair{k, m[k]})
	}
	return out
}

func wantTaints(node *v1.Node) (out []taintView) {
	effects := map[v1.TaintEffect]abi.Effect{"NoSchedule": 1, "PreferNoSchedule": 2, "NoExecute": 3}
	for _, t := range node.Spec.Taints {
		out = append(out, taintView{t.Key, t.Value, effects[t.Effect]})
	}
	return out
}

func wantExtended(node *v1.Node, pods []*v1.Pod) []extendedView {
	by := map[string]extendedView{}
	add := func(l v1.ResourceList, count func(*extendedView, int64)) {
		for name, q := range l {
			switch name {
			case v1.ResourceCPU, v1.ResourceMemory, v1.ResourceEphemeralStorage, v1.ResourcePods:
				continue
			}
			e := by[string(name)]
			e.Name = string(name)
			count(&e, q.Value())
			by[string(name)] = e
		}
	}
	add(node.Status.Allocatable, func(e *extendedView, n int64) { e.Allocatable += n })
	for _, p := range pods {
		add(total(p), func(e *extendedView, n int64) { e.Requested += n })
	}
	return sorted(by)
}

// sorted is the values of a map by key; nil if there are none.
func sorted[V any](m map[string]V) (out []V) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

func wantConditions(node *v1.Node) (out []conditionView) {
	statuses := map[v1.ConditionStatus]abi.ConditionStatus{"False": 1, "True": 2}
	for _, c := range node.Status.Conditions {
		out = append(out, conditionView{string(c.Type), statuses[c.Status]})
	}
	return out
}

func wantImages(states map[string]*fwk.ImageStateSummary) []imageView {
	by := map[string]imageView{}
	for name, s := range states {
		by[name] = imageView{name, s.Size, uint32(s.NumNodes)}
	}
	return sorted(by)
}

func wantPorts(pods []*v1.Pod) (out []portView) {
	protocols := map[v1.Protocol]abi.Protocol{"": 0, "TCP": 0, "UDP": 1, "SCTP": 2}
	for _, p := range pods {
		for _, c := range p.Spec.Containers {
			for _, port := range c.Ports {
				if port.HostPort > 0 {
					out = append(out, portView{cmp.Or(port.HostIP, "0.0.0.0"), protocols[port.Protocol], uint32(port.HostPort), 0})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b portView) int {
		return cmp.Or(cmp.Compare(a.HostIP, b.HostIP), cmp.Compare(a.Host, b.Host), cmp.Compare(protocolNames[a.Protocol], protocolNames[b.Protocol]))
	})
	return slices.Compact(out)
}

var protocolNames = []string{"TCP", "UDP", "SCTP"}

func wantPods(pods []*v1.Pod) []podOnNodeView {
	by := map[string]podOnNodeView{}
	for _, p := range pods {
		v := podOnNodeView{
			Name: p.Name, Namespace: p.Namespace, UID: string(p.UID), Priority: *p.Spec.Priority,
			Requests: wantResources(total(p)), Labels: pairs(p.Labels),
		}
		for _, e := range wantExtended(&v1.Node{}, []*v1.Pod{p}) {
			v.Extended = append(v.Extended, amount{e.Name, e.Requested})
		}
		for _, o := range p.OwnerReferences {
			if o.Controller != nil && *o.Controller {
				v.OwnerKind, v.OwnerName = o.Kind, o.Name
			}
		}
		by[v.UID] = v
	}
	return sorted(by)
}
