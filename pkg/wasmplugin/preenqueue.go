// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// preEnqueuePoints answers PreEnqueue. The framework calls it for one pod at a time, with the
// scheduling queue locked: nothing here may wait for that lock.
type preEnqueuePoints struct{ policy *policy }

// PreEnqueue asks the policy whether the pod may enter the scheduling queue. The framework tries a pod
// again that it does not let in when an event happens that the policy declared. No event tells that a
// fault or an error is over, so after those the pod is tried again in a while.
func (q preEnqueuePoints) PreEnqueue(ctx context.Context, pod *v1.Pod) *fwk.Status {
	p := q.policy.of(pod)
	if s := p.preempting(pod); s != nil {
		return s
	}
	s := p.mayEnter(ctx, pod)
	if s.Code() == fwk.Error {
		p.wake(pod, faultBackoff)
	}
	if !s.IsSuccess() {
		p.sayGated(pod, s.Message())
	}
	return s
}

// gate is what PreEnqueue remembers of a version of a pod. The framework calls it under a lock.
type gate struct {
	// said is why the pod was kept out last, as people were told.
	said atomic.Pointer[string]
	// closed is a fault over the pod; nil if there was none.
	closed atomic.Pointer[closedGate]
}

// closedGate is a fault of a generation, which is not asked about the pod again before a time: with each event
// the framework tries all pods again that are not let in, and each fault holds up the queue.
type closedGate struct {
	fault      error
	generation int
	until      time.Time
}

func (p *policy) gateOf(pod *v1.Pod) *gate {
	return p.queueing.gates.get(pod, func(*v1.Pod) *gate { return &gate{} })
}

// sayGated tells whoever looks at the pod why it is not tried, once for each reason: the framework says
// nothing about pods that it keeps out of the queue.
func (p *policy) sayGated(pod *v1.Pod, why string) {
	if old := p.gateOf(pod).said.Swap(&why); old == nil || *old != why {
		p.event(pod, v1.EventTypeNormal, "PolicyGated", "Policy "+p.name+" keeps the pod out of the scheduling queue: "+why)
	}
}

func (p *policy) mayEnter(ctx context.Context, pod *v1.Pod) *fwk.Status {
	l := p.module.Load()
	if l == nil || !l.about.Has(abi.PointPreEnqueue) {
		// Without a module the pod is turned away at PreFilter, where everybody sees why.
		return nil
	}
	at := p.gateOf(pod)
	if c := at.closed.Load(); c != nil && c.generation == l.number && time.Now().Before(c.until) {
		return p.faulted(preEnqueuePoint, c.fault)
	}
	a := p.queued(preEnqueuePoint, pod)
	if !a.answers(abi.PointPreEnqueue) {
		return nil
	}
	answer, err := p.ask(ctx, preEnqueuePoint, a, guest.PreEnqueue, guest.Batch{})
	if err != nil {
		// It is asked again when the pod is woken, if not before.
		at.closed.Store(&closedGate{err, l.number, time.Now().Add(faultBackoff * 9 / 10)})
		return p.faulted(preEnqueuePoint, err)
	}
	return p.judged(a, &answer.Verdict)
}
