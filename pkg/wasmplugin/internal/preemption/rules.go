// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	v1 "k8s.io/api/core/v1"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/apis/scheduling"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

// Rules is which pods may be evicted for which.
type Rules struct {
	// Reclaim allows victims of any priority below the system's.
	Reclaim bool
}

// Allow tells whether a pod of one priority may go for one of another.
func (r Rules) Allow(victim, preemptor int32) bool {
	return victim < preemptor || r.Reclaim && victim < scheduling.SystemCriticalPriority
}

// Reasons for not evicting anything for a pod.
const (
	never   = "not eligible due to preemptionPolicy=Never."
	waiting = "not eligible due to a terminating pod on the nominated node."
	leaving = "not eligible due to a terminating victim."
)

// Refuses is why no pod may be evicted for this one; "" if some may.
func Refuses(pod *v1.Pod) string {
	if policy := pod.Spec.PreemptionPolicy; policy != nil && *policy == v1.PreemptNever {
		return never
	}
	return ""
}

// Waits is why there is nothing to do about a pod but to wait; "" if there is. Its victims take
// their time to terminate, during which it may be tried again for other reasons.
func (p *Preemptor) Waits(pod *v1.Pod, nodes fwk.NodeToStatusReader) string {
	if latest, err := p.evaluator.PodLister.Pods(pod.Namespace).Get(pod.Name); err == nil {
		pod = latest
	}
	if p.leave(pod) {
		return leaving
	}
	nominated := pod.Status.NominatedNodeName
	if nominated == "" || nodes.Get(nominated).Code() == fwk.UnschedulableAndUnresolvable {
		return ""
	}
	if p.clears(nominated, corev1helpers.PodPriority(pod)) {
		return waiting
	}
	return ""
}

// clears tells whether pods are being evicted from the node that could be so for the priority.
func (p *Preemptor) clears(node string, priority int32) bool {
	info, err := p.nodes().Get(node)
	if err != nil || info == nil {
		return false
	}
	for _, on := range info.GetPods() {
		if preemption.PodTerminatingByPreemption(on.GetPod()) && p.Rules.Allow(p.priority(on.GetPod()), priority) {
			return true
		}
	}
	return false
}
