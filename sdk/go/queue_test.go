// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"slices"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// queuePolicy answers the points of the queue.
type queuePolicy struct {
	seen   []string
	starts int
}

func (*queuePolicy) Needs() stowage.Needs {
	return stowage.Needs{
		Events:  []stowage.EventNeed{{Resource: "Pod", Actions: stowage.ActionDelete}, {Resource: "Node", Actions: stowage.ActionAll}},
		Objects: []stowage.ObjectNeed{{Resource: "configmaps.v1", Namespace: "kube-system"}},
	}
}

func (q *queuePolicy) StartCycle(*stowage.Cycle, *stowage.Pod) { q.starts++ }

func (*queuePolicy) PreEnqueue(c *stowage.Cycle, pod *stowage.Pod) stowage.Status {
	for range c.Nodes() {
		return stowage.Error("there are nodes in the queue")
	}
	if _, ok := pod.Label("held"); ok {
		return stowage.Unschedulable("held")
	}
	return stowage.Success()
}

func (*queuePolicy) QueueSort(pod *stowage.Pod) stowage.SortKey {
	return stowage.NewSortKey().IntDescending(int64(pod.Priority())).Text(pod.Name())
}

func (*queuePolicy) Sign(pod *stowage.Pod) ([]byte, stowage.Status) {
	if _, ok := pod.Label("unique"); ok {
		return []byte("ignored"), stowage.Error("is like no other")
	}
	app, _ := pod.Label("app")
	return []byte(app), stowage.Success()
}

// QueueingHint notes what it sees.
func (q *queuePolicy) QueueingHint(_ *stowage.Pod, e *stowage.ClusterEvent) stowage.Hint {
	text := e.Resource()
	if p := e.OldPod(); p != nil {
		app, _ := p.Label("app")
		text += " old pod " + p.Name() + " " + app + " on " + p.NodeName()
	}
	if p := e.NewPod(); p != nil {
		text += " new pod " + p.Name()
	}
	for i, n := range []*stowage.Node{e.OldNode(), e.NewNode()} {
		if n != nil {
			zone, _ := n.Label("topology.kubernetes.io/zone")
			text += " " + []string{"old", "new"}[i] + " node " + n.Name() + " " + zone
		}
	}
	for i, o := range []*stowage.Object{e.OldObject(), e.NewObject()} {
		if o != nil {
			tier, _ := o.Label("tier")
			text += " " + []string{"old", "new"}[i] + " object " + o.Namespace() + "/" + o.Name() + " " + tier
		}
	}
	q.seen = append(q.seen, text)
	if e.Action() == stowage.ActionUpdate {
		return stowage.QueueSkip
	}
	return stowage.Queue
}

func TestQueue(t *testing.T) {
	h := stowagetest.New(t, &queuePolicy{}, stowage.ReadPodLabels|stowage.ReadNodeTable|stowage.ReadNodeLabels)
	for name, tc := range map[string]struct{ got, want any }{
		"in":         {h.PreEnqueue(stowagetest.MakePod("p")), stowage.Success()},
		"held":       {h.PreEnqueue(stowagetest.MakePod("p").Label("held", "")), stowage.Unschedulable("held")},
		"priority":   {h.Before(stowagetest.MakePod("b").Priority(9), stowagetest.MakePod("a").Priority(-9)), true},
		"name":       {h.Before(stowagetest.MakePod("b"), stowagetest.MakePod("a")), false},
		"no signer":  {nilSignature(h.Sign(stowagetest.MakePod("p").Label("unique", ""))), "<none> Unschedulable: is like no other"},
		"signature":  {nilSignature(h.Sign(stowagetest.MakePod("p").Label("app", "web"))), "web Success"},
		"no content": {nilSignature(h.Sign(stowagetest.MakePod("p"))), " Success"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: want %v, got %v", name, tc.want, tc.got)
		}
	}
}

func nilSignature(b []byte, s stowage.Status) string {
	if b == nil {
		return "<none> " + s.String()
	}
	return string(b) + " " + s.String()
}

func TestQueueingHint(t *testing.T) {
	gone := stowagetest.MakePod("gone").Label("app", "web").NodeName("n")
	node := stowagetest.MakeNode("n").Zone("a")
	object := stowagetest.MakeObject(0, "quota").Namespace("kube-system").Label("tier", "gold")
	for name, tc := range map[string]struct {
		event stowagetest.ClusterEvent
		hint  stowage.Hint
		seen  string
	}{
		"pod":     {stowagetest.ClusterEvent{Action: stowage.ActionDelete, OldPod: gone}, stowage.Queue, "Pod old pod gone web on n"},
		"pods":    {stowagetest.ClusterEvent{Action: stowage.ActionUpdate, OldPod: gone, NewPod: gone}, stowage.QueueSkip, "Pod old pod gone web on n new pod gone"},
		"node":    {stowagetest.ClusterEvent{Source: 1, Action: stowage.ActionAdd, NewNode: node}, stowage.Queue, "Node new node n a"},
		"object":  {stowagetest.ClusterEvent{Action: stowage.ActionUpdate, OldObject: object, NewObject: object}, stowage.QueueSkip, "configmaps.v1 old object kube-system/quota gold new object kube-system/quota gold"},
		"nothing": {stowagetest.ClusterEvent{Source: 7, Action: stowage.ActionAdd}, stowage.Queue, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := &queuePolicy{}
			h := stowagetest.New(t, p, stowage.ReadPodLabels|stowage.ReadNodeLabels)
			if got := h.QueueingHint(stowagetest.MakePod("p"), tc.event); got != tc.hint {
				t.Errorf("want %v, got %v", tc.hint, got)
			}
			if got := strings.Join(p.seen, ","); got != tc.seen || p.starts != 1 {
				t.Errorf("want %q after one start, got %q after %d", tc.seen, got, p.starts)
			}
		})
	}
}

// objectPolicy keeps what it hears of.
type objectPolicy struct {
	filterFunc
	limits map[string]string
	starts int
}

func (*objectPolicy) Needs() stowage.Needs {
	return stowage.Needs{Objects: []stowage.ObjectNeed{{Resource: "limits.v1.example.com"}, {Resource: "namespaces.v1"}}}
}

func (p *objectPolicy) StartCycle(*stowage.Cycle, *stowage.Pod) { p.starts++ }

func (p *objectPolicy) ObjectChanged(o *stowage.Object) {
	key := strings.Clone(o.Namespace() + "/" + o.Name())
	if o.Deleted() {
		delete(p.limits, key)
		return
	}
	note, _ := o.Annotation("note")
	p.limits[key] = note + " " + string(o.JSON())
}

func TestObjects(t *testing.T) {
	var found []string
	p := &objectPolicy{limits: map[string]string{}}
	p.filterFunc = func(_ *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node) stowage.Status {
		json, ok := stowage.FindObject(0, pod.Namespace(), "l")
		found = append(found, string(json))
		if !ok {
			return stowage.Unschedulable("there is no limit")
		}
		return stowage.Success()
	}
	h := stowagetest.New(t, p, 0)
	pod, node := stowagetest.MakePod("p").Namespace("a"), stowagetest.MakeNode("n")
	if got := h.Filter(pod, node)["n"]; got.IsSuccess() {
		t.Error("a limit was found that does not exist")
	}
	big := strings.Repeat("x", 5000)
	l := stowagetest.MakeObject(0, "l").Namespace("a").Annotation("note", "first").Field("spec", map[string]any{"text": big})
	h.ApplyObjects(l, stowagetest.MakeObject(1, "a"))
	if got := h.Filter(pod, node)["n"]; !got.IsSuccess() {
		t.Error(got)
	}
	json := `{"metadata":{"annotations":{"note":"first"},"creationTimestamp":"1970-01-01T00:00:00Z","generation":1,"name":"l","namespace":"a","uid":"uid-l"},"spec":{"text":"` + big + `"}}`
	if want := "first " + json; p.limits["a/l"] != want || len(p.limits) != 2 {
		t.Errorf("want %q, got %v", want, p.limits)
	}
	if want := []string{"", "", json, json}; !slices.Equal(want, found) {
		t.Errorf("want %q, got %q", want, found)
	}
	h.DeleteObjects(l)
	if _, ok := p.limits["a/l"]; ok || len(p.limits) != 1 {
		t.Errorf("want the limit gone, got %v", p.limits)
	}
}

// What StartCycle derived may depend on objects, so that it runs again when they change.
func TestObjectsStartTheCycleAgain(t *testing.T) {
	p := &objectPolicy{limits: map[string]string{}, filterFunc: func(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status { return stowage.Success() }}
	h := stowagetest.New(t, p, 0)
	a := h.Attempt(stowagetest.MakePod("p"), stowagetest.MakeNode("n"))
	for i, want := range []int{1, 1, 2} {
		if i == 2 {
			h.ApplyObjects(stowagetest.MakeObject(0, "l"))
		}
		a.Filter("n")
		if p.starts != want {
			t.Errorf("call %d: want %d starts, got %d", i, want, p.starts)
		}
	}
}
