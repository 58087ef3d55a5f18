// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// Permit asks the policy whether the pod may be bound now, later or not at all.
func (bp bindPoints) Permit(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string) (*fwk.Status, time.Duration) {
	p := bp.policy.in(state, pod)
	b := p.chosen(permitPoint, state, pod, node)
	answer, err := p.askChosen(ctx, permitPoint, abi.PointPermit, guest.Permit, b)
	if err != nil {
		return p.faulted(permitPoint, err), 0
	}
	if answer.Code == abi.Wait {
		b.waitsFor = answer.Key
		p.waiting.add(answer.Key, b.again(p))
		p.noteWait(b.attempt)
	}
	return p.judged(b.attempt, &answer.Verdict), answer.Timeout
}

// noteWait sees to it that a change of an object which the guest may not have known is not lost on a
// pod that waits, nor on one that is rejected after it waited.
func (p *policy) noteWait(a *attempt) {
	p.noteRejection(a)
	if a.module.version() != a.objects {
		p.waker.reviewIn(reviewAgain)
	}
}
