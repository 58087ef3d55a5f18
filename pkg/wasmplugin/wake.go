// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// faultBackoff is when a pod is tried again that a fault kept out of the scheduling queue. No event
// would tell the framework that the fault is over.
const faultBackoff = 10 * time.Second

// maxWaking bounds how many pods wait to be woken.
const maxWaking = 50_000

// waker has pods tried again at their time, from a goroutine of its own: who asks for it may hold the
// lock of the scheduling queue, which waking a pod takes.
type waker struct {
	// activate makes the queue try pods again; see fwk.PodActivator.
	activate func(map[string]*v1.Pod)
	// review asks Permit again about pods that wait.
	review func()

	mu  sync.Mutex // guards what follows; never held while activate runs
	due map[types.UID]waking
	// reviewAt is when review is due; zero if it is not.
	reviewAt time.Time
	timer    *time.Timer
	next     time.Time
	closed   bool
	busy     sync.WaitGroup
}

type waking struct {
	pod *v1.Pod
	at  time.Time
}

// wake has the pod tried again after a time. Of several times for one pod the earliest counts.
func (w *waker) wake(pod *v1.Pod, after time.Duration) {
	at := time.Now().Add(after)
	w.mu.Lock()
	defer w.mu.Unlock()
	if have, ok := w.due[pod.UID]; ok && have.at.Before(at) {
		at = have.at
	} else if !ok && len(w.due) >= maxWaking {
		return
	}
	if w.due == nil {
		w.due = map[types.UID]waking{}
	}
	w.due[pod.UID] = waking{pod, at}
	w.schedule(at)
}

// reviewIn has the pods that wait reviewed after a time.
func (w *waker) reviewIn(after time.Duration) {
	at := time.Now().Add(after)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reviewAt.IsZero() || at.Before(w.reviewAt) {
		w.reviewAt = at
	}
	w.schedule(w.reviewAt)
}

// schedule makes sure that run comes by the time. The caller holds mu.
func (w *waker) schedule(at time.Time) {
	if w.closed || w.timer != nil && !at.Before(w.next) {
		return
	}
	if w.timer == nil || w.timer.Stop() {
		if w.timer == nil {
			w.busy.Add(1)
		}
		w.next, w.timer = at, time.AfterFunc(time.Until(at), w.run)
	}
}

// run does what is due.
func (w *waker) run() {
	defer w.busy.Done()
	pods, review := w.take(time.Now())
	if len(pods) > 0 {
		w.activate(pods)
	}
	if review {
		w.review()
	}
}

// take returns what is due and schedules the rest.
func (w *waker) take(now time.Time) (pods map[string]*v1.Pod, review bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = nil
	pods = map[string]*v1.Pod{}
	next := w.reviewAt
	if review = !next.IsZero() && !next.After(now); review {
		next, w.reviewAt = time.Time{}, time.Time{}
	}
	for uid, x := range w.due {
		switch {
		case !x.at.After(now):
			pods[x.pod.Namespace+"/"+x.pod.Name] = x.pod
			delete(w.due, uid)
		case next.IsZero() || x.at.Before(next):
			next = x.at
		}
	}
	if !next.IsZero() {
		w.schedule(next)
	}
	return pods, review
}

// close ends waking; it returns when no pod is being woken any more.
func (w *waker) close() {
	w.mu.Lock()
	w.closed = true
	if w.timer != nil && w.timer.Stop() {
		w.busy.Done()
	}
	w.mu.Unlock()
	w.busy.Wait()
}

// wake has the pod tried again after a time. Any goroutine may call it, whatever locks it holds.
// A policy without effect wakes nobody.
func (p *policy) wake(pod *v1.Pod, after time.Duration) {
	if !p.monitored {
		p.waker.wake(pod, after)
	}
}

// tryAgain moves pods to the active queue, or notes it if they are being tried right now.
func (p *policy) tryAgain(pods map[string]*v1.Pod) {
	p.handle.Activate(p.logger, pods)
}
