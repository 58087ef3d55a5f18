// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"cmp"
	"maps"
	"slices"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

const labelSize = int(unsafe.Sizeof(abi.Label{}))

// stride is the distance between two records T in s.
func stride[T any](s sink) int {
	var zero T
	return int(unsafe.Sizeof(zero)) + s.padding()
}

// sortedKeys makes lists deterministic and lets guests search them.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

func labelList(s sink, m map[string]string) abi.List {
	l := newFrozen[abi.Label](s, len(m))
	fillLabels(l, m)
	return l.list
}

func fillLabels(l frozen[abi.Label], m map[string]string) {
	for i, k := range sortedKeys(m) {
		key, value := l.s.str(k), l.s.str(m[k])
		l.set(i, abi.Label{Key: key, Value: value})
	}
}

// annotationList stores values inside the list's own block, because they are long and seldom
// shared: as strings they would stay until the next rebuild. It returns the block's size.
func annotationList(s sink, m map[string]string) (abi.List, int) {
	if len(m) == 0 {
		return abi.List{}, 0
	}
	size := len(m) * labelSize
	for _, v := range m {
		size += align(len(v), abi.WordSize)
	}
	list := abi.List{Off: s.alloc(size), Count: uint32(len(m))}
	tail := inline{s: s, next: list.Off + uint32(len(m)*labelSize/abi.WordSize)}
	for i, k := range sortedKeys(m) {
		key, value := s.str(k), tail.str(m[k])
		put(s, entry(list, i, labelSize), abi.Label{Key: key, Value: value})
	}
	return list, size
}

// inline places strings one after the other in a block that was sized for them.
type inline struct {
	s    sink
	next uint32
}

func (t *inline) str(v string) abi.Str {
	if v == "" {
		return abi.Str{}
	}
	ref := abi.Str{Off: t.next, Len: uint32(len(v))}
	copy(t.s.at(ref.Off), v)
	t.next += uint32(align(len(v), abi.WordSize) / abi.WordSize)
	return ref
}

var effects = map[v1.TaintEffect]abi.Effect{
	v1.TaintEffectNoSchedule:       abi.EffectNoSchedule,
	v1.TaintEffectPreferNoSchedule: abi.EffectPreferNoSchedule,
	v1.TaintEffectNoExecute:        abi.EffectNoExecute,
}

func taintList(s sink, taints []v1.Taint) abi.List {
	l := newGrowing[abi.Taint](s, len(taints))
	for i := range taints {
		t := &taints[i]
		key, value := s.str(t.Key), s.str(t.Value)
		l.set(i, abi.Taint{Key: key, Value: value, Effect: effects[t.Effect]})
	}
	return l.list
}

// extendedList merges what the node offers and what its pods ask for: a pod may ask for a
// resource that the node no longer offers.
func extendedList(s sink, info fwk.NodeInfo) abi.List {
	offered, asked := info.GetAllocatable().GetScalarResources(), info.GetRequested().GetScalarResources()
	if len(offered) == 0 && len(asked) == 0 {
		return abi.List{}
	}
	names := sortedKeys(offered)
	for name := range asked {
		if _, ok := offered[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	l := newGrowing[abi.Extended](s, len(names))
	for i, name := range names {
		ref := s.str(string(name))
		l.set(i, abi.Extended{Name: ref, Allocatable: offered[name], Requested: asked[name]})
	}
	return l.list
}

var conditionStatuses = map[v1.ConditionStatus]abi.ConditionStatus{
	v1.ConditionTrue:  abi.ConditionTrue,
	v1.ConditionFalse: abi.ConditionFalse,
}

func conditionList(s sink, conditions []v1.NodeCondition) abi.List {
	l := newGrowing[abi.Condition](s, len(conditions))
	for i := range conditions {
		kind := s.str(string(conditions[i].Type))
		l.set(i, abi.Condition{Type: kind, Status: conditionStatuses[conditions[i].Status]})
	}
	return l.list
}

func imageList(s sink, images map[string]*fwk.ImageStateSummary) abi.List {
	l := newGrowing[abi.Image](s, len(images))
	for i, name := range sortedKeys(images) {
		ref := s.str(name)
		l.set(i, abi.Image{Name: ref, Size: images[name].Size, Nodes: uint32(images[name].NumNodes)})
	}
	return l.list
}

var protocols = map[string]abi.Protocol{
	string(v1.ProtocolTCP):  abi.ProtocolTCP,
	string(v1.ProtocolUDP):  abi.ProtocolUDP,
	string(v1.ProtocolSCTP): abi.ProtocolSCTP,
}

func usedPortList(s sink, used fwk.HostPortInfo) abi.List {
	l := newGrowing[abi.Port](s, used.Len())
	i := 0
	for _, ip := range sortedKeys(used) {
		ports := slices.SortedFunc(maps.Keys(used[ip]), func(a, b fwk.ProtocolPort) int {
			return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
		})
		ref := s.str(ip)
		for _, p := range ports {
			l.set(i, abi.Port{HostIP: ref, Protocol: protocols[p.Protocol], Host: uint32(p.Port)})
			i++
		}
	}
	return l.list
}
