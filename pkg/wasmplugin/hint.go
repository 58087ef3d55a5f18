// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// EventsToRegister is what may make a pod schedulable that the policy rejected. The framework asks once,
// before it watches anything. For a policy that declares nothing, or that is not loaded yet and
// may do so later, it is everything, so that no event is lost. One that has no effect has nothing to
// hear of.
func (c common) EventsToRegister(context.Context) ([]fwk.ClusterEventWithHint, error) {
	p := c.policy
	if p.monitored {
		return nil, nil
	}
	// No module may be activated that asks for other events before these are noted.
	p.shown.mu.Lock()
	defer p.shown.mu.Unlock()
	events, err := p.registers()
	if err == nil && p.canary != nil {
		var more []fwk.ClusterEventWithHint
		more, err = p.canary.registers()
		events = append(events, more...)
	}
	if err != nil {
		return nil, err
	}
	p.shown.note(events)
	return events, nil
}

// registers is what the framework is to call the policy for, with the module that there is now.
func (p *policy) registers() ([]fwk.ClusterEventWithHint, error) {
	if l := p.module.Load(); l != nil {
		return p.registrations(l.loaded)
	}
	return p.registerAll(true), nil
}

// registrations is what the framework is to call the policy for with a module.
func (p *policy) registrations(l *loaded) ([]fwk.ClusterEventWithHint, error) {
	if l.needs.Events == nil {
		return p.registerAll(l.about.Has(abi.PointQueueingHint)), nil
	}
	return p.register(l)
}

func (p *policy) registerAll(hints bool) (events []fwk.ClusterEventWithHint) {
	for _, r := range everything {
		events = append(events, p.registration(fwk.ClusterEvent{Resource: r, ActionType: fwk.All}, guest.EventNeed{}, hints))
	}
	return events
}

func (p *policy) register(l *loaded) (events []fwk.ClusterEventWithHint, err error) {
	for _, need := range l.needs.Events {
		e, err := eventOf(need)
		if err != nil {
			return nil, err
		}
		events = append(events, p.registration(e, need, l.about.Has(abi.PointQueueingHint)))
	}
	if l.about.Has(postFilterMask) {
		events = append(events, ofVictims)
	}
	return events, nil
}

// ofVictims has the framework note the end of pods, for those that come back to the queue while
// pods are evicted for them; see the built-in plugin of preemption. It wakes nobody.
var ofVictims = fwk.ClusterEventWithHint{
	Event:          fwk.ClusterEvent{Resource: fwk.AssignedPod, ActionType: fwk.Delete},
	QueueingHintFn: func(klog.Logger, *v1.Pod, any, any) (fwk.QueueingHint, error) { return fwk.QueueSkip, nil },
}

// registration is what the framework is to call the policy for. Without a function it does not ask, and
// tries the pod again.
func (p *policy) registration(e fwk.ClusterEvent, need guest.EventNeed, hints bool) fwk.ClusterEventWithHint {
	r := fwk.ClusterEventWithHint{Event: e}
	if hints {
		r.QueueingHintFn = (&hint{p, e.Resource, need}).decide
	}
	return r
}

// hint answers for one registration.
type hint struct {
	policy   *policy
	resource fwk.EventResource
	// need is what the registration was made for; zero if for all events.
	need guest.EventNeed
}

// decide tells whether the event may have made the pod schedulable, which the policy rejected. The
// framework calls it with the scheduling queue locked, for one pod after the other. It asks the module
// that there is now. Where that cannot be asked the answer is yes: at worst an attempt is wasted.
func (h *hint) decide(_ klog.Logger, pod *v1.Pod, old, updated any) (fwk.QueueingHint, error) {
	p := h.policy.of(pod)
	l := p.module.Load()
	if l == nil || !l.about.Has(abi.PointQueueingHint) || !p.queueing.respite.over() {
		return fwk.Queue, nil
	}
	memory := p.queueMemory(l)
	e := h.event(p, memory, pod, old, updated)
	switch {
	case !e.declared:
		return fwk.QueueSkip, nil
	case e.askable():
		return p.hint(memory, e, pod), nil
	}
	return fwk.Queue, nil
}

// hint asks the policy.
func (p *policy) hint(memory *queueMemory, e *clusterEvent, pod *v1.Pod) fwk.QueueingHint {
	q := e.question()
	defer e.asked(q)
	a := q.attempt
	a.pod = pod
	a.cycle = guest.Cycle{ID: p.host.cycles.Add(1), Pod: memory.pod(pod), Subject: pod}
	if err := p.with(context.Background(), queueingHintPoint, a, q.ask); err != nil {
		p.queueing.respite.begin()
		return fwk.Queue
	}
	if q.code == abi.Skip {
		return fwk.QueueSkip
	}
	return fwk.Queue
}

// source is which of the declared events an event is: the one that the registration was made for or,
// after another module was loaded, the first that it may be.
func (h *hint) source(l *loaded, action uint32) (index uint32, declared bool) {
	events := l.needs.Events
	if events == nil {
		return abi.Absent, true
	}
	i := slices.Index(events, h.need)
	if i < 0 {
		i = slices.IndexFunc(events, func(e guest.EventNeed) bool { return h.mayBe(e, action) })
	}
	return uint32(max(i, 0)), i >= 0
}

// mayBe leaves out what cannot be known: which part of an object an update is about.
func (h *hint) mayBe(need guest.EventNeed, action uint32) bool {
	r, ok := resourceOf(need.Resource)
	if r == fwk.Pod && slices.Contains(podResources, h.resource) {
		r = h.resource
	}
	if !ok || r != h.resource {
		return false
	}
	actions := need.Actions
	if actions&^(abi.ActionAdd|abi.ActionDelete) != 0 {
		actions |= abi.ActionUpdate
	}
	return actions&action != 0
}
