// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/test/native/rules"
)

// PreEnqueue keeps pods out of the queue until they are released.
func (*Plugin) PreEnqueue(_ context.Context, pod *v1.Pod) *fwk.Status {
	if podOf(pod).Held() {
		return rejected(rules.ReasonHeld)
	}
	return nil
}

// EventsToRegister is what may make a pod schedulable that the policy rejected.
func (*Plugin) EventsToRegister(context.Context) ([]fwk.ClusterEventWithHint, error) {
	return []fwk.ClusterEventWithHint{
		{Event: fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.Add | fwk.UpdateNodeLabel}, QueueingHintFn: nodeHint},
		{Event: fwk.ClusterEvent{Resource: fwk.Pod, ActionType: fwk.Delete | fwk.UpdatePodLabel}, QueueingHintFn: podHint},
	}, nil
}

func nodeHint(_ klog.Logger, pod *v1.Pod, old, updated any) (fwk.QueueingHint, error) {
	node, ok := updated.(*v1.Node)
	if !ok {
		return fwk.Queue, fmt.Errorf("the event is about a %T, not a node", updated)
	}
	if before, ok := old.(*v1.Node); ok {
		return hint(rules.WakesLabels(podOf(pod), nodeOf(before), nodeOf(node))), nil
	}
	return hint(rules.WakesAdded(podOf(pod), nodeOf(node))), nil
}

func podHint(_ klog.Logger, pod *v1.Pod, old, updated any) (fwk.QueueingHint, error) {
	if after, ok := updated.(*v1.Pod); ok {
		return hint(rules.WakesUpdated(podOf(pod), string(after.UID))), nil
	}
	if gone, ok := old.(cache.DeletedFinalStateUnknown); ok {
		old = gone.Obj
	}
	other, ok := old.(*v1.Pod)
	if !ok {
		return fwk.Queue, fmt.Errorf("the event is about a %T, not a pod", old)
	}
	return hint(rules.WakesDeleted(podOf(pod), string(other.UID), other.Labels[rules.AppLabel])), nil
}

func hint(wakes bool) fwk.QueueingHint {
	if wakes {
		return fwk.Queue
	}
	return fwk.QueueSkip
}
