// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"encoding/binary"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// declaring has the guest declare events.
func declaring(p *wt.Policy, events ...guest.EventNeed) *wt.Policy {
	const needs, entries, names = 2048, 2048 + 64, 4096
	var list, text []byte
	for _, e := range events {
		for _, n := range []uint32{names + uint32(len(text)), uint32(len(e.Resource)), e.Actions, 0} {
			list = binary.LittleEndian.AppendUint32(list, n)
		}
		text = append(text, e.Resource...)
	}
	var head []byte
	for _, n := range []uint32{32, 0, entries, uint32(len(events)), 0, 0, 0, 0} {
		head = binary.LittleEndian.AppendUint32(head, n)
	}
	p.Data[needs], p.Data[entries], p.Data[names] = head, list, text
	return p.Body(abi.ExportConfigure, wt.SetResult(unsafe.Offsetof(abi.Frame{}.Needs), needs), wt.Const(0))
}

// registered is events with whether they have a hint.
func (h *harness) registered() map[fwk.ClusterEvent]bool {
	h.Helper()
	got := map[fwk.ClusterEvent]bool{}
	events, err := h.plugin.(fwk.EnqueueExtensions).EventsToRegister(h.ctx)
	if err != nil {
		h.Fatal(err)
	}
	for _, e := range events {
		got[e.Event] = e.QueueingHintFn != nil
	}
	return got
}

// anyEvent is what the framework assumes of a plugin that registers nothing, with or without hints.
func anyEvent(hints bool) map[fwk.ClusterEvent]bool {
	want := map[fwk.ClusterEvent]bool{{Resource: fwk.PodGroup, ActionType: fwk.All}: hints}
	for _, e := range framework.UnrollWildCardResource() {
		want[e.Event] = hints
	}
	return want
}

func TestEventsToRegister(t *testing.T) {
	node := guest.EventNeed{Resource: "Node", Actions: abi.ActionAdd | abi.ActionUpdateNodeLabels}
	claim := guest.EventNeed{Resource: "PersistentVolumeClaim", Actions: abi.ActionUpdate}
	silent := func() *wt.Policy {
		p := wt.NewPolicy()
		p.Descriptor.Points = abi.PointPreFilter
		return p
	}
	declared := func(hints bool) map[fwk.ClusterEvent]bool {
		return map[fwk.ClusterEvent]bool{
			{Resource: fwk.Node, ActionType: fwk.Add | fwk.UpdateNodeLabel}: hints,
			{Resource: fwk.PersistentVolumeClaim, ActionType: fwk.Update}:   hints,
		}
	}
	for name, tc := range map[string]struct {
		policy  *wt.Policy
		fields  map[string]any
		prepare func(*harness)
		want    map[fwk.ClusterEvent]bool
	}{
		"declared, with hints":    {policy: declaring(queuer(), node, claim), want: declared(true)},
		"declared, without hints": {policy: declaring(silent(), node, claim), want: declared(false)},
		"anything, with hints":    {policy: queuer(), want: anyEvent(true)},
		"anything, without hints": {policy: silent(), want: anyEvent(false)},
		"not loaded yet":          {policy: declaring(silent(), node), prepare: (*harness).without, want: anyEvent(true)},
		"monitored":               {policy: silent(), fields: map[string]any{"mode": "Monitor"}, want: map[fwk.ClusterEvent]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarnessOf(t, tc.policy, tc.fields)
			if tc.prepare != nil {
				tc.prepare(h)
			}
			if diff := cmp.Diff(tc.want, h.registered()); diff != "" {
				t.Errorf("events and whether they have hints (-want,+got):\n%s", diff)
			}
		})
	}
}

// If the policy cannot be asked, failurePolicy makes no difference: the pod is tried again.
func TestQueueingHint(t *testing.T) {
	for name, tc := range map[string]struct {
		priority int32
		prepare  func(*harness)
		want     fwk.QueueingHint
		faults   int
	}{
		"queue":          {priority: int32(abi.Success), want: fwk.Queue},
		"skip":           {priority: int32(abi.Skip), want: fwk.QueueSkip},
		"misplaced code": {priority: int32(abi.Wait), want: fwk.Queue, faults: 1},
		"fault":          {priority: poison, want: fwk.Queue, faults: 1},
		"no module":      {priority: int32(abi.Skip), prepare: (*harness).without, want: fwk.Queue},
		"open breaker":   {priority: int32(abi.Skip), prepare: (*harness).openBreaker, want: fwk.Queue, faults: 1},
		"no hints": {priority: int32(abi.Skip), want: fwk.Queue, prepare: func(h *harness) {
			h.policy().module.Load().about.Points &^= abi.PointQueueingHint
		}},
	} {
		for _, policy := range []string{"Fail", "Ignore"} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				h := newHarnessOf(t, queuer(), map[string]any{"failurePolicy": policy})
				events, err := h.plugin.(fwk.EnqueueExtensions).EventsToRegister(h.ctx)
				if err != nil {
					t.Fatal(err)
				}
				if tc.prepare != nil {
					tc.prepare(h)
				}
				before := faults(t, "")
				got, err := events[0].QueueingHintFn(klog.Logger{}, podWithPriority(tc.priority), nil, podWithPriority(1))
				if got != tc.want || err != nil {
					t.Errorf("hint = %v, %v, want %v", got, err, tc.want)
				}
				if got := faults(t, "") - before; got != tc.faults {
					t.Errorf("%d faults, want %d", got, tc.faults)
				}
			})
		}
	}
}

// A guest that breaks down over an event is not asked about it for other pods, nor about others for a
// while, which is longer each time.
func TestOneFaultEndsAnEvent(t *testing.T) {
	h := newHarnessOf(t, queuer(), nil)
	skip, bad, before := podWithPriority(int32(abi.Skip)), podWithPriority(poison), faults(t, "")
	first, second := st.MakeNode().Name("n").Obj(), st.MakeNode().Name("n").Obj()
	events, err := h.plugin.(fwk.EnqueueExtensions).EventsToRegister(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	respite := &h.policy().queueing.respite
	later := func() { respite.until.Store(time.Now().UnixNano() - 1) }
	now := func() {}
	for i, step := range []struct {
		when    func()
		pod     *v1.Pod
		updated *v1.Node
		want    fwk.QueueingHint
	}{
		{now, skip, first, fwk.QueueSkip}, {now, bad, first, fwk.Queue}, {now, skip, first, fwk.Queue}, {now, bad, second, fwk.Queue},
		{later, skip, first, fwk.Queue}, {now, skip, second, fwk.QueueSkip}, {now, bad, second, fwk.Queue},
	} {
		step.when()
		if got, err := events[0].QueueingHintFn(klog.Logger{}, step.pod, nil, step.updated); got != step.want || err != nil {
			t.Errorf("step %d: hint = %v, %v, want %v", i, got, err, step.want)
		}
	}
	if got := faults(t, "") - before; got != 2 {
		t.Errorf("%d faults, want 2", got)
	}
	if got := time.Duration(respite.length.Load()); got != 2*respiteFirst {
		t.Errorf("after the second fault it is not asked for %v, want %v", got, 2*respiteFirst)
	}
}

// A module that is loaded after the framework asked for events is asked about those that it declares.
func TestHintsOfALaterModule(t *testing.T) {
	for name, tc := range map[string]struct {
		resource     fwk.EventResource
		old, updated any
		want         fwk.QueueingHint
	}{
		"declared":                {fwk.Node, nil, st.MakeNode().Obj(), fwk.Queue},
		"an update that may be":   {fwk.Node, st.MakeNode().Obj(), st.MakeNode().Obj(), fwk.Queue},
		"another action":          {fwk.Node, st.MakeNode().Obj(), nil, fwk.QueueSkip},
		"a kind of declared pods": {fwk.AssignedPod, st.MakePod().Obj(), nil, fwk.Queue},
		"another resource":        {fwk.StorageClass, nil, st.MakePod().Obj(), fwk.QueueSkip},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarnessOf(t, declaring(queuer(),
				guest.EventNeed{Resource: "Node", Actions: abi.ActionAdd | abi.ActionUpdateNodeTaints},
				guest.EventNeed{Resource: "Pod", Actions: abi.ActionDelete}), nil)
			p := h.policy()
			l := p.module.Swap(nil)
			events, err := h.plugin.(fwk.EnqueueExtensions).EventsToRegister(h.ctx)
			if err != nil {
				t.Fatal(err)
			}
			p.module.Store(l)
			for _, e := range events {
				if e.Event.Resource != tc.resource {
					continue
				}
				if got, err := e.QueueingHintFn(klog.Logger{}, podWithPriority(0), tc.old, tc.updated); got != tc.want || err != nil {
					t.Errorf("hint = %v, %v, want %v", got, err, tc.want)
				}
			}
		})
	}
}
