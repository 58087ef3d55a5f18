// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"cmp"
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// queueSortPoints answers QueueSort. The framework calls Less from several goroutines, with parts of
// the scheduling queue locked.
//
// The queue is a heap, which holds together only as long as Less does not change its mind about pods
// in it. So a policy is asked once for a key of each version of a pod, and whatever comes of that
// stays: also that there is none, because a guest broke down or there was no module, and also
// when another module is loaded meanwhile. A pod that changes, as it does when it could not be placed,
// is a new version, which the queue puts in its new place.
//
// A scheduler has one queue. Therefore the framework wants the same QueueSort, with the same args, in
// all profiles; but each profile has a policy of its own, and it is that of any one of them that sorts
// the pods of all.
type queueSortPoints struct{ policy *policy }

// sortKey is a place in the queue.
type sortKey struct {
	// bytes is what the policy left.
	bytes string
	// known is false if there is no key.
	known bool
}

// compare orders keys by their bytes, and what has no key behind all that have one.
func (k sortKey) compare(other sortKey) int {
	if k.known != other.known {
		if k.known {
			return -1
		}
		return 1
	}
	return cmp.Compare(k.bytes, other.bytes)
}

// Less tells whether a comes before b: by the policy's keys and, where they are equal or missing, by
// priority and age, as the framework does by default.
func (q queueSortPoints) Less(a, b fwk.QueuedEntityInfo) bool {
	keys := &q.policy.queueing
	if c := q.policy.keyOf(keys, a).compare(q.policy.keyOf(keys, b)); c != 0 {
		return c < 0
	}
	if a, b := a.GetPriority(), b.GetPriority(); a != b {
		return a > b
	}
	return a.GetTimestamp().Before(b.GetTimestamp())
}

// keyOf is the key of what is queued.
func (p *policy) keyOf(q *queueing, entity fwk.QueuedEntityInfo) sortKey {
	pod := podOf(entity)
	if pod == nil {
		return sortKey{}
	}
	return q.keys.get(pod, p.askKey)
}

// podOf is the pod that is queued. Of a group it is the first of its pods, which the framework keeps
// in the order of their priorities and ages: keys follow from pods, and pods of a group are mostly
// alike. It may be nil, for a group that has lost its pods.
func podOf(entity fwk.QueuedEntityInfo) *v1.Pod {
	switch e := entity.(type) {
	case interface{ GetPod() *v1.Pod }:
		return e.GetPod()
	case interface{ GetUnscheduledPods() []*v1.Pod }:
		if pods := e.GetUnscheduledPods(); len(pods) > 0 {
			return pods[0]
		}
	}
	return nil
}

// askKey asks the policy for the key of a pod.
func (p *policy) askKey(pod *v1.Pod) sortKey {
	a := p.queued(queueSortPoint, pod)
	if !a.answers(abi.PointQueueSort) {
		return sortKey{}
	}
	answer, err := p.ask(context.Background(), queueSortPoint, a, guest.QueueSort, guest.Batch{})
	if err != nil || answer.State == nil {
		return sortKey{}
	}
	return sortKey{string(answer.State), true}
}
