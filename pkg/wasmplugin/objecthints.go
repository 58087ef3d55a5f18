// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/objects"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// maxHinted is how many changes the policy is asked about for each pod; more of them wake all.
const maxHinted = 32

// wakeRejected wakes the pods that the policy rejected and that the changes may have made schedulable:
// all of them, unless the policy answers hints and says otherwise.
func (p *policy) wakeRejected(l *loaded, changes []objects.Change) {
	events := p.objectEvents(l, changes)
	for _, pod := range p.rejections.take() {
		if p.concerned(pod, l, events) {
			p.wake(pod, p.rejections.delay(pod.UID))
		} else {
			p.rejections.add(pod)
		}
	}
}

// objectEvents is the changes as events for hints; nil if there are none to be had.
func (p *policy) objectEvents(l *loaded, changes []objects.Change) (events []guest.Batch) {
	if !l.about.Has(abi.PointQueueingHint) || len(changes) == 0 || len(changes) > maxHinted {
		return nil
	}
	for _, c := range changes {
		s := snapshot.NewDetached(p.store, 0)
		e := abi.Event{Source: uint32(c.Source), Action: c.Action, Kind: abi.EventOfObject}
		switch c.Action {
		case abi.ActionDelete:
			e.Old = s.AddObjectRecord(objectRecord(&c, c.Object))
		case abi.ActionUpdate:
			if c.Old != nil {
				e.Old = s.AddObjectRecord(objectRecord(&c, c.Old))
			}
			fallthrough
		default:
			e.New = s.AddObjectRecord(objectRecord(&c, c.Object))
		}
		at := s.AddEvent(e)
		events = append(events, guest.Batch{ScratchData: s.Data(), Event: at})
	}
	return events
}

// concerned tells whether any of the events may have made the pod schedulable. Where the policy cannot
// be asked the answer is yes: at worst an attempt is wasted.
func (p *policy) concerned(pod *v1.Pod, l *loaded, events []guest.Batch) bool {
	if events == nil || !p.queueing.respite.over() {
		return true
	}
	a := p.queued(queueingHintPoint, pod)
	a.limit = eventLimit // no lock is held
	if a.module == nil || a.module.loaded != l {
		return true
	}
	for _, e := range events {
		answer, err := p.ask(context.Background(), queueingHintPoint, a, guest.QueueingHint, e)
		if err != nil {
			p.queueing.respite.begin()
		}
		if err != nil || answer.Code != abi.Skip {
			return true
		}
	}
	return false
}

func objectRecord(c *objects.Change, o *objects.Object) snapshot.Object {
	return snapshot.Object{
		Source: uint32(c.Source), Action: c.Action, Namespace: o.Namespace, Name: o.Name, UID: o.UID,
		Generation: o.Generation, CreatedUnixNano: o.CreatedUnixNano, Labels: o.Labels, Annotations: o.Annotations, JSON: o.JSON,
	}
}
