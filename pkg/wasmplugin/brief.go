// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// queueLimit is how long a guest may hold up the scheduling queue, once. Its fuel mostly ends it
// sooner; this is for a machine that is so busy that the guest hardly runs.
const queueLimit = 20 * time.Millisecond

// forBinding is a pool whose guests see no snapshot.
func forBinding(l *loaded) *guest.Pool { return l.binding }

// brief begins a policy's part of what is asked about a pod outside of a scheduling cycle, where the
// snapshot may change at any time and so must not be looked at. If the policy cannot be asked it
// has failed already.
func (p *policy) brief(at *point, pod *v1.Pod, pool func(*loaded) *guest.Pool, limit time.Duration) *attempt {
	a := p.admitted(at, pod, limit)
	if a.module != nil {
		p.equip(a, pool(a.module.loaded), p.store.EncodePod(pod, a.module.about.Reads))
	}
	return a
}

// admitted is an attempt without a snapshot. It has no module, and has failed, if the policy cannot be
// asked.
func (p *policy) admitted(at *point, pod *v1.Pod, limit time.Duration) *attempt {
	a := p.newAttempt(pod)
	a.clock, a.limit = &clock{}, limit
	if err := p.admit(a, true); err != nil {
		a.module = nil
		a.fail(err)
		p.report(at, a, err)
	}
	return a
}

// equip gives an attempt without a snapshot what guests need for it.
func (p *policy) equip(a *attempt, pool *guest.Pool, pod []byte) {
	a.pool, a.objects = pool, a.module.version()
	a.world = guest.World{Strides: p.store.Strides(), Parts: a.module.about.Reads}
	a.cycle = guest.Cycle{ID: a.id, Pod: pod, Subject: a.pod}
}

// ask makes a call in an attempt.
func (p *policy) ask(ctx context.Context, at *point, a *attempt, call *guest.Call, about guest.Batch) (answer guest.Answer, err error) {
	err = p.with(ctx, at, a, func(ctx context.Context, g *guest.Guest) (err error) {
		answer, err = g.Ask(ctx, call, about)
		return err
	})
	return answer, err
}
