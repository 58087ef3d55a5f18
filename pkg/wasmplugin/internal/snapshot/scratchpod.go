// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// NewDetached makes a Scratch for guests that do not see the snapshot. Nothing in it refers to what
// the Store shows, which may change while it is filled, so any goroutine may make one at any time.
func NewDetached(s *Store, parts abi.Parts) *Scratch {
	c := NewScratch(s, parts)
	c.detached = true
	return c
}

// AddPod adds a pod, with the parts that the policy reads of the one being scheduled, and returns
// where its PodRecord is in Data.
func (c *Scratch) AddPod(pod *v1.Pod) uint32 {
	at := c.blob.alloc(stride[abi.PodRecord](&c.blob))
	rec := podBasics(&c.blob, pod)
	encodePodLists(&c.blob, &rec, pod, c.parts)
	if c.parts&abi.PodAffinity != 0 {
		encodeAffinity(&c.blob, &rec, pod)
	}
	put(&c.blob, at, rec)
	return uint32(position(at))
}
