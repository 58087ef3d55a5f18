// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// EncodePod encodes the pod that is being scheduled with the given parts, for SpacePod. The
// PodRecord is at the start.
func (s *Store) EncodePod(pod *v1.Pod, parts abi.Parts) []byte {
	b := &blob{space: abi.SpacePod, pad: s.padding}
	at := b.alloc(stride[abi.PodRecord](b))
	rec := podBasics(b, pod)
	encodePodLists(b, &rec, pod, parts)
	if parts&abi.PodAffinity != 0 {
		encodeAffinity(b, &rec, pod)
	}
	put(b, at, rec)
	return b.buf
}

func podBasics(s sink, pod *v1.Pod) abi.PodRecord {
	rec := abi.PodRecord{
		Name:            s.str(pod.Name),
		Namespace:       s.str(pod.Namespace),
		UID:             s.str(string(pod.UID)),
		SchedulerName:   s.str(pod.Spec.SchedulerName),
		PriorityClass:   s.str(pod.Spec.PriorityClassName),
		ServiceAccount:  s.str(pod.Spec.ServiceAccountName),
		NominatedNode:   s.str(pod.Status.NominatedNodeName),
		NodeName:        s.str(pod.Spec.NodeName),
		Priority:        priority(pod),
		Flags:           podFlags(pod),
		CreatedUnixNano: created(pod),
	}
	if pod.Spec.RuntimeClassName != nil {
		rec.RuntimeClass = s.str(*pod.Spec.RuntimeClassName)
	}
	if secs := pod.Spec.TerminationGracePeriodSeconds; secs != nil {
		rec.TerminationGraceSecs = uint32(max(0, *secs))
	}
	// A pending pod has no status resources yet, and fields behind a feature gate that is off
	// never get past the API server: the plain options are the scheduler's own here.
	opts := resource.PodResourcesOptions{}
	rec.Requests, rec.ExtendedRequests = totals(s, resource.PodRequests(pod, opts))
	rec.Limits, rec.ExtendedLimits = totals(s, resource.PodLimits(pod, opts))
	return rec
}

func encodePodLists(s sink, rec *abi.PodRecord, pod *v1.Pod, parts abi.Parts) {
	if parts&abi.PodLabels != 0 {
		rec.Labels = labelList(s, pod.Labels)
	}
	if parts&abi.PodAnnotations != 0 {
		rec.Annotations = labelList(s, pod.Annotations)
	}
	if parts&abi.PodOwners != 0 {
		rec.Owners = ownerList(s, pod)
	}
	if parts&abi.PodTolerations != 0 {
		rec.Tolerations = tolerationList(s, pod.Spec.Tolerations)
	}
	if parts&abi.PodContainers != 0 {
		rec.Containers = containerList(s, &pod.Spec)
	}
	if parts&abi.PodVolumes != 0 {
		rec.Volumes = volumeList(s, pod.Spec.Volumes)
	}
}

// created is 0 for a pod that never met an API server: year 1 has no number of nanoseconds.
func created(pod *v1.Pod) int64 {
	if pod.CreationTimestamp.IsZero() {
		return 0
	}
	return pod.CreationTimestamp.UnixNano()
}

func priority(pod *v1.Pod) int32 {
	if pod.Spec.Priority == nil {
		return 0
	}
	return *pod.Spec.Priority
}

func podFlags(pod *v1.Pod) (f abi.PodFlags) {
	set := func(flag abi.PodFlags, on bool) {
		if on {
			f |= flag
		}
	}
	set(abi.PodHostNetwork, pod.Spec.HostNetwork)
	set(abi.PodHostPID, pod.Spec.HostPID)
	set(abi.PodHostIPC, pod.Spec.HostIPC)
	set(abi.PodNeverPreempts, pod.Spec.PreemptionPolicy != nil && *pod.Spec.PreemptionPolicy == v1.PreemptNever)
	set(abi.PodTerminating, pod.DeletionTimestamp != nil)
	return f
}

// totals splits a resource list the way nodes count: the resources that every node has, and
// the extended ones.
func totals(s sink, list v1.ResourceList) (abi.Resources, abi.List) {
	var r abi.Resources
	extended := map[v1.ResourceName]int64{}
	for name, q := range list {
		switch name {
		case v1.ResourceCPU:
			r.MilliCPU = q.MilliValue()
		case v1.ResourceMemory:
			r.Memory = q.Value()
		case v1.ResourceEphemeralStorage:
			r.EphemeralStorage = q.Value()
		default:
			extended[name] = q.Value()
		}
	}
	return r, quantityList(s, extended)
}

func quantityList(s sink, m map[v1.ResourceName]int64) abi.List {
	l := newGrowing[abi.Quantity](s, len(m))
	fillQuantities(l, m)
	return l.list
}

func fillQuantities(l growing[abi.Quantity], m map[v1.ResourceName]int64) {
	for i, name := range sortedKeys(m) {
		ref := l.s.str(string(name))
		l.set(i, abi.Quantity{Name: ref, Value: m[name]})
	}
}
