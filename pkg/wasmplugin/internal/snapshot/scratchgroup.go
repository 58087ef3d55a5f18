// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// AddGroup adds a group of pods, with the parts of them that the policy reads, and returns where its
// PodGroup is in Data. MinCount is how many of the pods must fit.
func (c *Scratch) AddGroup(name, namespace, uid string, labels map[string]string, pods []*v1.Pod, minCount uint32) uint32 {
	at := c.blob.alloc(stride[abi.PodGroup](&c.blob))
	rec := abi.PodGroup{
		Name: c.blob.str(name), Namespace: c.blob.str(namespace), UID: c.blob.str(uid),
		Labels: labelList(&c.blob, labels), MinCount: minCount,
	}
	list := newGrowing[abi.PodRecord](&c.blob, len(pods))
	for i, pod := range pods {
		list.set(i, c.podRecord(pod))
	}
	rec.Pods = list.list
	put(&c.blob, at, rec)
	return uint32(position(at))
}

// podRecord encodes what a pod's record refers to.
func (c *Scratch) podRecord(pod *v1.Pod) abi.PodRecord {
	rec := podBasics(&c.blob, pod)
	encodePodLists(&c.blob, &rec, pod, c.parts)
	if c.parts&abi.PodAffinity != 0 {
		encodeAffinity(&c.blob, &rec, pod)
	}
	return rec
}
