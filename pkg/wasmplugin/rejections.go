// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Times between a change of an object and the pods being tried that it may concern. Many changes at once
// wake a pod once; one that is rejected again and again waits longer each time, because the policy's
// rejection may itself be what changes an object.
const (
	wakeSoonest = 50 * time.Millisecond
	wakeLatest  = 10 * time.Second
	// wakeMemory is how long a pod that was woken counts as such.
	wakeMemory = time.Minute
)

// pruneAt is how many pods make add drop those that nobody needs to wake any more.
const pruneAt = 1024

// rejections is the pods that the policy rejected and that a change of an object may wake. It is kept
// only for policies that declare objects.
type rejections struct {
	// alive tells whether a pod may still need waking.
	alive func(*v1.Pod) bool

	mu    sync.Mutex // guards what follows; alive is called with it held, and takes no lock but a cache's
	pods  map[types.UID]*v1.Pod
	woken map[types.UID]woken
	prune int
}

// woken is how often a pod was woken lately.
type woken struct {
	times int
	last  time.Time
}

func (r *rejections) add(pod *v1.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pods == nil {
		r.pods, r.woken = map[types.UID]*v1.Pod{}, map[types.UID]woken{}
	}
	r.pods[pod.UID] = pod
	if len(r.pods)+len(r.woken) >= max(r.prune, pruneAt) {
		r.shrink()
	}
}

// shrink drops what is of no use. The caller holds mu.
func (r *rejections) shrink() {
	for uid, pod := range r.pods {
		if !r.alive(pod) {
			delete(r.pods, uid)
		}
	}
	for uid, w := range r.woken {
		if time.Since(w.last) > wakeMemory {
			delete(r.woken, uid)
		}
	}
	r.prune = 2 * (len(r.pods) + len(r.woken))
}

// take returns all and forgets them: who is rejected again comes back.
func (r *rejections) take() map[types.UID]*v1.Pod {
	r.mu.Lock()
	defer r.mu.Unlock()
	pods := r.pods
	r.pods = map[types.UID]*v1.Pod{}
	if r.woken == nil {
		r.woken = map[types.UID]woken{}
	}
	return pods
}

// delay is how long to wait before a pod is woken once more.
func (r *rejections) delay(uid types.UID) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.woken[uid]
	if time.Since(w.last) > wakeMemory {
		w.times = 0
	}
	after := min(wakeSoonest<<min(w.times, 20), wakeLatest)
	if r.woken != nil {
		r.woken[uid] = woken{w.times + 1, time.Now()}
	}
	return after
}

// noteRejection remembers that the policy rejected the attempt's pod, or a node for it, so that a
// change of an object that the policy declared can wake the pod. A change that came after the guests
// had been told of the objects wakes it at once: either it is seen here, or whoever tells of it finds
// the pod among the rejections.
func (p *policy) noteRejection(a *attempt) {
	if a.rejected.Swap(true) || a.module == nil || a.module.objects == nil || p.monitored {
		return
	}
	p.rejections.add(a.pod)
	if a.module.objects.Version() != a.objects {
		p.wake(a.pod, p.rejections.delay(a.pod.UID))
	}
}

// unplaced tells whether a pod still has no node, as far as the scheduler knows.
func (p *policy) unplaced(pod *v1.Pod) bool {
	pods := p.handle.SharedInformerFactory().Core().V1().Pods()
	if !pods.Informer().HasSynced() {
		return true
	}
	now, err := pods.Lister().Pods(pod.Namespace).Get(pod.Name)
	return err == nil && now.UID == pod.UID && now.Spec.NodeName == ""
}
