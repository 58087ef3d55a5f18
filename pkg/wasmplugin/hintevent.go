// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// eventLimit is how long guests may hold up the scheduling queue about one event, for all pods: on a
// machine that is not overloaded that is some fifty thousand of them. When
// it is over the remaining pods are tried again without asking.
const eventLimit = 250 * time.Millisecond

// clusterEvent is an event as guests see it. It is encoded once, and is one attempt: when
// a guest breaks down over it, the policy is not asked about more pods, so that the queue does not stay
// locked while guest after guest does. That pods are then tried again is no worse than without hints.
type clusterEvent struct {
	// life is nil if the policy cannot be asked about the event at all.
	*life
	hint         *hint
	old, updated any
	// declared is false if the policy declared that such events are of no use.
	declared bool
	attempt  *attempt
	batch    guest.Batch
	// spare is a question for the next pod.
	spare atomic.Pointer[question]
}

// askable tells whether the policy is to be asked about one more pod.
func (e *clusterEvent) askable() bool { return e.life != nil && e.failure() == nil }

// event is the latest event, or becomes it.
func (h *hint) event(p *policy, memory *queueMemory, pod *v1.Pod, old, updated any) *clusterEvent {
	oldObject, updatedObject := objectOf(old), objectOf(updated)
	if e := memory.event.Load(); e != nil && e.hint == h && e.old == oldObject && e.updated == updatedObject {
		return e
	}
	e := h.encode(p, memory, pod, oldObject, updatedObject)
	memory.event.Store(e)
	return e
}

// question is whether an event is of use to a pod. There is nothing in it to make anew for each pod.
type question struct {
	event   *clusterEvent
	attempt *attempt
	// ask is q.hint.
	ask  func(context.Context, *guest.Guest) error
	code abi.Code
}

// question is one that nobody uses.
func (e *clusterEvent) question() *question {
	if q := e.spare.Swap(nil); q != nil {
		return q
	}
	a := e.attempt
	q := &question{event: e, attempt: &attempt{
		life: a.life, id: a.id, clock: a.clock, limit: a.limit, module: a.module, pool: a.pool, world: a.world, objects: a.objects,
	}}
	q.ask = q.hint
	return q
}

// asked gives a question back.
func (e *clusterEvent) asked(q *question) { e.spare.Store(q) }

func (q *question) hint(ctx context.Context, g *guest.Guest) (err error) {
	q.code, err = g.Hint(ctx, q.event.batch)
	return err
}

// objectOf is a pointer to an object that an informer keeps; nil if there is none, or if it cannot be
// told what it is.
func objectOf(o any) any {
	if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	switch o.(type) {
	case *v1.Pod, *v1.Node:
		return o
	case runtime.Object:
		if _, err := meta.Accessor(o); err == nil {
			return o
		}
	}
	return nil
}

func (h *hint) encode(p *policy, memory *queueMemory, pod *v1.Pod, old, updated any) *clusterEvent {
	l := memory.module
	e := &clusterEvent{hint: h, old: old, updated: updated}
	rec := abi.Event{Action: actionOf(old, updated)}
	if rec.Source, e.declared = h.source(l.loaded, rec.Action); !e.declared {
		return e
	}
	batch, err := encodeEvent(snapshot.NewDetached(p.store, l.about.Reads), rec, old, updated)
	if err != nil {
		p.logger.V(2).Info("Pods are tried again without asking the policy about an event", "resource", h.resource, "cause", err.Error())
		return e
	}
	a := p.admitted(queueingHintPoint, pod, eventLimit)
	if e.life = a.life; a.module != nil {
		a.module = l
		p.equip(a, l.queue, nil)
	}
	e.attempt, e.batch = a, batch
	return e
}

func actionOf(old, updated any) uint32 {
	switch {
	case old == nil:
		return abi.ActionAdd
	case updated == nil:
		return abi.ActionDelete
	}
	return abi.ActionUpdate
}

var errNoObject = errors.New("the event has no object")

// encodeEvent encodes an event with what it is about.
func encodeEvent(s *snapshot.Scratch, e abi.Event, old, updated any) (b guest.Batch, err error) {
	if old == nil && updated == nil {
		return b, errNoObject
	}
	if e.Old, err = encodeObject(s, &e, old); err != nil {
		return b, err
	}
	if e.New, err = encodeObject(s, &e, updated); err != nil {
		return b, err
	}
	at := s.AddEvent(e)
	return guest.Batch{ScratchData: s.Data(), Event: at}, nil
}

// encodeObject encodes one side of an event and sets its kind.
func encodeObject(s *snapshot.Scratch, e *abi.Event, o any) (uint32, error) {
	switch o := o.(type) {
	case nil:
		return 0, nil
	case *v1.Pod:
		e.Kind = abi.EventOfPod
		return s.AddPodRecord(o), nil
	case *v1.Node:
		e.Kind = abi.EventOfNode
		return s.AddNodeRecord(o), nil
	}
	// Of an object the source is one of the declared objects, and this is none: its JSON tells what it is.
	e.Kind, e.Source = abi.EventOfObject, abi.Absent
	object, err := generic(o.(runtime.Object))
	if err != nil {
		return 0, err
	}
	object.Action = e.Action
	return s.AddObjectRecord(object), nil
}

// maxObject is the most bytes of an object's JSON in an event.
const maxObject = 256 << 10

// generic is an object of any kind. It is none of those that the policy declared as objects.
func generic(o runtime.Object) (out snapshot.Object, err error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return out, fmt.Errorf("looking at an event's object: %w", err)
	}
	out = snapshot.Object{
		Source: abi.Absent, Namespace: m.GetNamespace(), Name: m.GetName(), UID: string(m.GetUID()),
		Generation: m.GetGeneration(), Labels: m.GetLabels(), Annotations: m.GetAnnotations(),
	}
	if created := m.GetCreationTimestamp(); !created.IsZero() {
		out.CreatedUnixNano = created.UnixNano()
	}
	if out.JSON, err = toJSON(o); err == nil && len(out.JSON) > maxObject {
		err = fmt.Errorf("an event's object has %d bytes as JSON, more than %d", len(out.JSON), maxObject)
	}
	return out, err
}

// toJSON has apiVersion and kind, which informers leave out, and no managed fields.
func toJSON(o runtime.Object) ([]byte, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("converting an event's object: %w", err)
	}
	u := &unstructured.Unstructured{Object: fields}
	if kinds, _, err := scheme.Scheme.ObjectKinds(o); err == nil {
		u.SetGroupVersionKind(kinds[0])
	}
	u.SetManagedFields([]metav1.ManagedFieldsEntry(nil))
	b, err := json.Marshal(u.Object)
	if err != nil {
		return nil, fmt.Errorf("encoding an event's object: %w", err)
	}
	return b, nil
}
