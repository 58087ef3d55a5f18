// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"
)

// pending is the named victims of pods, on any nodes. A nomination tells of one node only.
type pending map[types.UID]departure

// departure is victims that were evicted for a pod.
type departure struct {
	since   time.Time
	victims []fwk.PodInfo
}

// patience is how long a pod waits for victims at most, and maxPending is when to look for pods that
// never came back.
const (
	patience   = 10 * time.Minute
	maxPending = 1024
)

func (p *Preemptor) expect(pod *v1.Pod, victims []fwk.PodInfo) {
	if p.pending == nil {
		p.pending = pending{}
	}
	for uid, d := range p.pending {
		if len(p.pending) >= maxPending && d.over() {
			delete(p.pending, uid)
		}
	}
	p.pending[pod.UID] = departure{time.Now(), victims}
}

func (d departure) over() bool { return time.Since(d.since) > patience }

// leave tells whether victims of the pod are still there but terminating. One that is there and does
// not terminate could not be evicted, so it is no reason to wait.
func (p *Preemptor) leave(pod *v1.Pod) bool {
	d, ok := p.pending[pod.UID]
	if !ok {
		return false
	}
	for _, victim := range d.victims {
		if !d.over() && p.terminates(victim.GetPod()) {
			return true
		}
	}
	delete(p.pending, pod.UID)
	return false
}

func (p *Preemptor) terminates(victim *v1.Pod) bool {
	info, err := p.nodes().Get(victim.Spec.NodeName)
	if err != nil || info == nil {
		return false
	}
	for _, on := range info.GetPods() {
		if on.GetPod().UID == victim.UID {
			return on.GetPod().DeletionTimestamp != nil
		}
	}
	return false
}
