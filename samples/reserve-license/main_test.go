// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

func configMap(data map[string]any) *stowagetest.Object {
	return stowagetest.MakeObject(0, "licenses").Namespace("stowage-system").Field("data", data)
}

func matlab(name string) *stowagetest.Pod {
	return stowagetest.MakePod(name).Label("stowage.dev/license", "matlab")
}

func refused(reason string) stowage.Status { return stowage.UnschedulableAndUnresolvable(reason) }

func TestSeats(t *testing.T) {
	ok, skip := stowage.Success(), stowage.Skip()
	three := configMap(map[string]any{"matlab": "3", "none": "0", "words": "three", "less": "-1"})
	for name, tc := range map[string]struct {
		pod  *stowagetest.Pod
		from *stowagetest.Object
		// used is by others; from Reserve on the ledger counts the pod too.
		used                       int64
		preFilter, reserve, preBnd stowage.Status
	}{
		"no licence":   {stowagetest.MakePod("p"), nil, 0, skip, ok, ok},
		"first seat":   {matlab("p"), three, 0, skip, ok, ok},
		"last seat":    {matlab("p"), three, 2, skip, ok, ok},
		"none left":    {matlab("p"), three, 3, refused(inUse("3 of 3")), refused(inUse("3 of 3")), refused(inUse("3 of 3"))},
		"fewer now":    {matlab("p"), three, 5, refused(inUse("5 of 3")), refused(inUse("5 of 3")), refused(inUse("5 of 3"))},
		"no seats":     all(stowagetest.MakePod("p").Label("stowage.dev/license", "none"), three, "license none: 0 of 0 seats in use"),
		"not there":    all(stowagetest.MakePod("p").Label("stowage.dev/license", "x"), three, "license x is not in ConfigMap stowage-system/licenses"),
		"not a number": all(stowagetest.MakePod("p").Label("stowage.dev/license", "words"), three, `license words: ConfigMap stowage-system/licenses has "three" seats, want a number`),
		"negative":     all(stowagetest.MakePod("p").Label("stowage.dev/license", "less"), three, `license less: ConfigMap stowage-system/licenses has "-1" seats, want a number`),
		"no ConfigMap": all(matlab("p"), nil, "license matlab: there is no ConfigMap stowage-system/licenses"),
		"empty":        all(matlab("p"), configMap(nil), "license matlab is not in ConfigMap stowage-system/licenses"),
	} {
		t.Run(name, func(t *testing.T) {
			h := stowagetest.New(t, newPolicy(), reads)
			if tc.from != nil {
				h.ApplyObjects(tc.from)
			}
			h.SetUsed(0, "matlab", "pods", tc.used)
			a := h.Attempt(tc.pod, stowagetest.MakeNode("n1"))
			check(t, "PreFilter", a.PreFilter().Status, tc.preFilter)
			for _, license := range []string{"none", "x", "words", "less"} {
				h.SetUsed(0, license, "pods", 1)
			}
			h.SetUsed(0, "matlab", "pods", tc.used+1)
			check(t, "Reserve", a.Reserve("n1"), tc.reserve)
			check(t, "PreBind", a.PreBind("n1"), tc.preBnd)
		})
	}
}

func inUse(seats string) string { return "license matlab: " + seats + " seats in use" }

// all is a case that every point refuses.
func all(pod *stowagetest.Pod, from *stowagetest.Object, reason string) (tc struct {
	pod                        *stowagetest.Pod
	from                       *stowagetest.Object
	used                       int64
	preFilter, reserve, preBnd stowage.Status
}) {
	tc.pod, tc.from = pod, from
	tc.preFilter, tc.reserve, tc.preBnd = refused(reason), refused(reason), refused(reason)
	return tc
}

func check(t *testing.T, point string, got, want stowage.Status) {
	t.Helper()
	if got != want {
		t.Errorf("%s: want %v, got %v", point, want, got)
	}
}

// The ConfigMap may change while the pod waits to be bound.
func TestTotalsMayChange(t *testing.T) {
	h := stowagetest.New(t, newPolicy(), reads)
	h.ApplyObjects(configMap(map[string]any{"matlab": "2"}))
	h.SetUsed(0, "matlab", "pods", 2)
	a := h.Attempt(matlab("p"), stowagetest.MakeNode("n1"))
	check(t, "Reserve", a.Reserve("n1"), stowage.Success())
	h.ApplyObjects(configMap(map[string]any{"matlab": "1"}))
	check(t, "PreBind with a seat less", a.PreBind("n1"), refused(inUse("1 of 1")))
	h.ApplyObjects(configMap(map[string]any{"matlab": "2"}))
	check(t, "PreBind with all seats", a.PreBind("n1"), stowage.Success())
	h.DeleteObjects(configMap(nil))
	check(t, "PreBind without ConfigMap", a.PreBind("n1"), refused("license matlab: there is no ConfigMap stowage-system/licenses"))
	a.Unreserve("n1")
}

func TestQueueingHint(t *testing.T) {
	for name, tc := range map[string]struct {
		event stowagetest.ClusterEvent
		want  stowage.Hint
	}{
		"a seat is free":        {stowagetest.ClusterEvent{Action: stowage.ActionDelete, OldPod: matlab("other")}, stowage.Queue},
		"another licence":       {stowagetest.ClusterEvent{Action: stowage.ActionDelete, OldPod: stowagetest.MakePod("o").Label("stowage.dev/license", "x")}, stowage.QueueSkip},
		"no licence":            {stowagetest.ClusterEvent{Action: stowage.ActionDelete, OldPod: stowagetest.MakePod("o")}, stowage.QueueSkip},
		"its own label changes": {stowagetest.ClusterEvent{Action: stowage.ActionUpdate, OldPod: stowagetest.MakePod("p"), NewPod: matlab("p")}, stowage.Queue},
		"another gives it up":   {stowagetest.ClusterEvent{Action: stowage.ActionUpdate, OldPod: matlab("o"), NewPod: stowagetest.MakePod("o")}, stowage.Queue},
		"the ConfigMap":         {stowagetest.ClusterEvent{Action: stowage.ActionUpdate, NewObject: configMap(nil)}, stowage.Queue},
	} {
		t.Run(name, func(t *testing.T) {
			if got := stowagetest.New(t, newPolicy(), reads).QueueingHint(matlab("p"), tc.event); got != tc.want {
				t.Errorf("want %v, got %v", tc.want, got)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	h := stowagetest.New(t, newPolicy(), reads)
	if err := h.Configure(`{"label":"l","configMap":{"namespace":"ns","name":"seats"}}`); err != nil {
		t.Fatal(err)
	}
	want := stowage.ObjectNeed{Resource: "configmaps.v1", Namespace: "ns", FieldSelector: "metadata.name=seats"}
	if got := h.Needs().Objects[0]; got != want {
		t.Errorf("want %v, got %v", want, got)
	}
	if got, want := h.Needs().Accounts[0].Label, "l"; got != want {
		t.Errorf("want account %q, got %q", want, got)
	}
	err := stowagetest.New(t, newPolicy(), reads).Configure(`{"label":"","configMap":{"name":"","key":"x"}}`)
	problems := "label: must not be empty\nconfigMap.name: must not be empty\nconfigMap.key: unknown field"
	if err == nil || err.Error() != problems {
		t.Errorf("want\n%s\ngot\n%v", problems, err)
	}
}
