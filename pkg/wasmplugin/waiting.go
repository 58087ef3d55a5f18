// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// waiting is the pods that wait at Permit because the policy said so, by the key that it gave. The
// framework knows which of them wait still: entries of those that do not are dropped when they are
// come across.
type waiting struct {
	mu   sync.Mutex // guards what follows; never held while the framework or a guest is called
	keys map[string]map[types.UID]*waiter
}

// waiter is a pod that waits.
type waiter struct {
	key   string
	since time.Time
	// binding is for asking Permit again, beside whatever becomes of the pod's own binding.
	binding *binding
}

func (w *waiter) pod() *v1.Pod { return w.binding.attempt.pod }

// settling is how long after Permit the framework may not know yet that the pod waits.
const settling = 10 * time.Second

// reviewAgain is when pods are reviewed once more that the framework did not know yet.
const reviewAgain = 100 * time.Millisecond

func (w *waiting) add(key string, b *binding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys = map[string]map[types.UID]*waiter{}
	}
	if w.keys[key] == nil {
		w.keys[key] = map[types.UID]*waiter{}
	}
	w.keys[key][b.attempt.pod.UID] = &waiter{key, time.Now(), b}
}

// list is the entries of a key.
func (w *waiting) list(key string) []*waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.keys[key]))
}

// every is all entries.
func (w *waiting) every() (out []*waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, pods := range w.keys {
		out = slices.AppendSeq(out, maps.Values(pods))
	}
	return out
}

// drop forgets a pod.
func (w *waiting) drop(key string, uid types.UID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.keys[key], uid)
	if len(w.keys[key]) == 0 {
		delete(w.keys, key)
	}
}

// stillWaiting is the entry's pod as the framework knows it; nil if it does not wait for the policy.
func (p *policy) stillWaiting(w *waiter) fwk.WaitingPod {
	pod := p.handle.GetWaitingPod(w.pod().UID)
	if pod != nil && slices.Contains(pod.GetPendingPlugins(), p.name) {
		return pod
	}
	if pod != nil || time.Since(w.since) > settling {
		p.waiting.drop(w.key, w.pod().UID)
	}
	return nil
}

// waitingFor is the pods of a key that wait for this policy now.
func (p *policy) waitingFor(key string) (out []fwk.WaitingPod) {
	for _, w := range p.waiting.list(key) {
		if pod := p.stillWaiting(w); pod != nil {
			out = append(out, pod)
		}
	}
	return out
}

// countWaiting, allowWaiting and rejectWaiting are host functions.
func (p *policy) countWaiting(key string) int { return len(p.waitingFor(key)) }

func (p *policy) allowWaiting(key string) int {
	pods := p.waitingFor(key)
	for _, pod := range pods {
		pod.Allow(p.name)
	}
	return len(pods)
}

func (p *policy) rejectWaiting(key, reason string) int {
	pods := p.waitingFor(key)
	for _, pod := range pods {
		pod.Reject(p.name, p.rejection(reason))
	}
	return len(pods)
}

// reviewWaiting asks Permit again about each pod that waits, after something that it may wait for. Pods
// that are about to wait are looked at again soon.
func (p *policy) reviewWaiting(ctx context.Context) {
	for _, w := range p.waiting.every() {
		switch pod := p.stillWaiting(w); {
		case pod != nil:
			p.review(ctx, w, pod)
		case time.Since(w.since) <= settling && p.handle.GetWaitingPod(w.pod().UID) == nil:
			p.waker.reviewIn(reviewAgain)
		}
	}
}

func (p *policy) review(ctx context.Context, w *waiter, pod fwk.WaitingPod) {
	b := w.binding.again(p)
	b.node.Flags |= abi.FrameWaiting
	answer, err := p.askChosen(ctx, permitPoint, abi.PointPermit, guest.Permit, b)
	switch {
	case err != nil:
		// It waits on, and for no longer than its timeout.
	case answer.Code == abi.Success:
		pod.Allow(p.name)
	case answer.Code != abi.Wait:
		pod.Reject(p.name, p.rejection(answer.Reason))
	}
}
