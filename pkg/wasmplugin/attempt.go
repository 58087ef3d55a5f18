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

// attempt is a policy's part of one scheduling attempt of one pod, in the CycleState; or of its
// binding, or of what the queue asks about it. It does not change once it is written, but for the
// evaluations in it, which are the same whoever makes them, and for the failure that ends it: so
// clones share it.
type attempt struct {
	*life
	// id differs between attempts.
	id    uint64
	pod   *v1.Pod
	clock *clock
	// limit is how much of the clock's time there is.
	limit time.Duration
	// module is nil if there is none to ask.
	module *running
	// pool has the guests to ask.
	pool  *guest.Pool
	world guest.World
	cycle guest.Cycle
	// objects is a version of the declared objects that every guest of the attempt has seen.
	objects uint64
	// simulated is set in pod-group cycles, where NodeInfos change under their generation: no
	// record of the snapshot can be trusted, so every node is encoded when it is asked for.
	simulated bool
	filters   evaluations
	// skipped is set if PreFilter said that there is nothing to filter.
	skipped bool
	// replaced is set when another attempt takes this one's place in a CycleState.
	replaced atomic.Bool
}

// life is what an attempt shares with those that differ from it in nothing but the state.
type life struct {
	// reasons are those that nodes were given.
	reasons reasons
	// failed is why the policy is not asked any more in this attempt. One fault is enough: what
	// broke on one node will hardly be right about the others, and each fault costs a guest.
	failed atomic.Pointer[error]
	// over ends when the attempt has failed, for who waits for a guest or runs in one. It is nil if
	// only one guest is asked at a time.
	over context.Context
	end  context.CancelFunc
	// rejected is set when the policy has rejected the pod, or a node for it.
	rejected atomic.Bool
}

func (p *policy) newAttempt(pod *v1.Pod) *attempt {
	return &attempt{life: &life{}, id: p.host.cycles.Add(1), pod: pod, limit: p.deadline}
}

// Clone shares the attempt.
func (a *attempt) Clone() fwk.StateData { return a }

// fail makes err the attempt's failure if it is the first, and stops guests that still work on
// other nodes: each may have the fuel of a whole call left.
func (l *life) fail(err error) {
	if l.failed.CompareAndSwap(nil, &err) && l.end != nil {
		l.end()
	}
}

// failure is why the policy is not to be asked; nil if it is.
func (l *life) failure() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// context ends when the attempt has failed.
func (l *life) context() context.Context {
	if l.over == nil {
		return context.Background()
	}
	return l.over
}

// answers tells whether the policy answers any of the points. One that cannot be asked does: by
// its failure policy.
func (a *attempt) answers(points abi.Points) bool {
	return a.module == nil || a.module.about.Has(points)
}

// reads is the parts that the policy reads.
func (a *attempt) reads() abi.Parts { return a.world.Parts }

// withState is the attempt with another state, which is for one CycleState only. What was evaluated
// with the old state does not hold for it.
func (p *policy) withState(a *attempt, state []byte) *attempt {
	b := &attempt{
		life: a.life, id: a.id, pod: a.pod, clock: a.clock, limit: a.limit, module: a.module, pool: a.pool,
		world: a.world, cycle: a.cycle, objects: a.objects, simulated: a.simulated, skipped: a.skipped,
	}
	b.filters = make(evaluations, len(a.filters))
	p.setState(b, state)
	return b
}

// setState changes the state of an attempt that nobody else sees yet.
func (p *policy) setState(a *attempt, state []byte) {
	a.cycle.State, a.cycle.ID = state, p.host.cycles.Add(1)
}
