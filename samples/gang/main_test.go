// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// pod is a pod that is to be scheduled, object the same as others see it.
func pod(name, gang, size string) *stowagetest.Pod {
	return stowagetest.MakePod(name).Label("stowage.dev/gang", gang).Label("stowage.dev/gang-size", size)
}

func object(name, gang, size string) *stowagetest.Object {
	return stowagetest.MakeObject(0, name).Namespace("default").Label("stowage.dev/gang", gang).Label("stowage.dev/gang-size", size)
}

func started(o *stowagetest.Object) *stowagetest.Object {
	return o.Field("spec", map[string]any{"nodeName": "n1"})
}

func terminating(o *stowagetest.Object) *stowagetest.Object {
	return o.Field("metadata", map[string]any{"deletionTimestamp": "2026-01-01T00:00:00Z"})
}

const (
	same = `pods of gang train have different values of the label stowage.dev/gang-size`
	word = `label stowage.dev/gang-size is "many", want the number of pods in the gang`
	none = `label stowage.dev/gang-size is "", want the number of pods in the gang`
	zero = `label stowage.dev/gang-size is "0", want the number of pods in the gang`
)

func TestPodsAreHeldUntilTheGangIsComplete(t *testing.T) {
	ok, skip := stowage.Success(), stowage.Skip()
	for name, tc := range map[string]struct {
		pod               *stowagetest.Pod
		others            []*stowagetest.Object
		preEnqueue, first stowage.Status
	}{
		"no gang":         {stowagetest.MakePod("a"), nil, ok, skip},
		"an empty label":  {pod("a", "", "3"), nil, ok, skip},
		"alone":           {pod("a", "train", "3"), nil, has("1 of 3"), skip},
		"a gang of one":   {pod("a", "train", "1"), nil, ok, skip},
		"itself is known": {pod("a", "train", "2"), []*stowagetest.Object{object("a", "train", "2")}, has("1 of 2"), skip},
		"complete":        {pod("a", "train", "2"), []*stowagetest.Object{object("b", "train", "2")}, ok, skip},
		"more than that":  {pod("a", "train", "1"), []*stowagetest.Object{object("b", "train", "1")}, ok, skip},
		"another gang":    {pod("a", "train", "2"), []*stowagetest.Object{object("b", "race", "2")}, has("1 of 2"), skip},
		"other namespace": {pod("a", "train", "2"), []*stowagetest.Object{object("b", "train", "2").Namespace("x")}, has("1 of 2"), skip},
		"terminating":     {pod("a", "train", "2"), []*stowagetest.Object{terminating(object("b", "train", "2"))}, has("1 of 2"), skip},
		"sizes disagree":  {pod("a", "train", "2"), []*stowagetest.Object{object("b", "train", "3")}, ok, refused(same)},
		"others disagree": {pod("a", "train", "2"), []*stowagetest.Object{object("b", "train", "2"), object("c", "train", "")}, ok, refused(same)},
		"not a number":    {pod("a", "train", "many"), nil, ok, refused(word)},
		"no size":         {stowagetest.MakePod("a").Label("stowage.dev/gang", "train"), nil, ok, refused(none)},
		"nothing to wait": {pod("a", "train", "0"), nil, ok, refused(zero)},
	} {
		t.Run(name, func(t *testing.T) {
			h := stowagetest.New(t, newPolicy(), reads)
			h.ApplyObjects(tc.others...)
			if got := h.PreEnqueue(tc.pod); got != tc.preEnqueue {
				t.Errorf("PreEnqueue: want %v, got %v", tc.preEnqueue, got)
			}
			if got := h.PreFilter(tc.pod).Status; got != tc.first {
				t.Errorf("PreFilter: want %v, got %v", tc.first, got)
			}
		})
	}
}

func has(pods string) stowage.Status { return refused("gang train has " + pods + " pods") }

func refused(reason string) stowage.Status { return stowage.UnschedulableAndUnresolvable(reason) }

const key = "default/train"

func TestPermit(t *testing.T) {
	wait := stowage.Wait(stowage.Minute, key)
	for name, tc := range map[string]struct {
		pod         *stowagetest.Pod
		others      []*stowagetest.Object
		waiting     int
		again       bool
		want        stowage.PermitResult
		wantAllowed bool
	}{
		"no gang":         {pod: stowagetest.MakePod("a")},
		"a gang of one":   {pod: pod("a", "train", "1"), wantAllowed: true},
		"first of three":  {pod: pod("a", "train", "3"), others: two(), want: wait},
		"second of three": {pod: pod("a", "train", "3"), others: two(), waiting: 1, want: wait},
		"last of three":   {pod: pod("a", "train", "3"), others: two(), waiting: 2, wantAllowed: true},
		"one has started and one waits": {
			pod: pod("a", "train", "3"), others: []*stowagetest.Object{started(object("b", "train", "3")), object("c", "train", "3")},
			waiting: 1, wantAllowed: true,
		},
		"later member of a gang that has started": {
			pod: pod("a", "train", "2"), others: []*stowagetest.Object{started(object("b", "train", "2")), started(object("c", "train", "2"))},
			wantAllowed: true,
		},
		"one was deleted meanwhile":                {pod: pod("a", "train", "3"), others: two()[:1], want: stowage.Deny(has("2 of 3"))},
		"its labels were changed":                  {pod: pod("a", "train", "many"), want: stowage.Deny(refused(word))},
		"asked again, does not count itself twice": {pod: pod("a", "train", "3"), others: two(), waiting: 2, again: true, want: wait},
		"asked again, now another has started": {
			pod: pod("a", "train", "3"), others: []*stowagetest.Object{started(object("b", "train", "3")), object("c", "train", "3")},
			waiting: 2, again: true, wantAllowed: true,
		},
		"asked again, one was deleted": {pod: pod("a", "train", "3"), others: two()[:1], waiting: 1, again: true, want: stowage.Deny(has("2 of 3"))},
	} {
		t.Run(name, func(t *testing.T) {
			h := stowagetest.New(t, newPolicy(), reads)
			h.ApplyObjects(tc.others...)
			h.SetWaiting(key, tc.waiting)
			a := h.Attempt(tc.pod, stowagetest.MakeNode("n1"))
			permit := a.Permit
			if tc.again {
				permit = a.PermitAgain
			}
			if got := permit("n1"); got != tc.want {
				t.Errorf("want %v, got %v", tc.want, got)
			}
			if allowed := slices.Equal(h.Effects().Allowed, []string{key}); allowed != tc.wantAllowed {
				t.Errorf("allowed those that wait: want %v, got %v", tc.wantAllowed, h.Effects().Allowed)
			}
		})
	}
}

func two() []*stowagetest.Object {
	return []*stowagetest.Object{object("b", "train", "3"), object("c", "train", "3")}
}

func TestWhoWaitedTakesTheOthersAlong(t *testing.T) {
	h := stowagetest.New(t, newPolicy(), reads)
	if err := h.Configure(`{"timeoutSeconds":10}`); err != nil {
		t.Fatal(err)
	}
	h.ApplyObjects(two()...)
	first, second := h.Attempt(pod("a", "train", "3"), stowagetest.MakeNode("n1")), h.Attempt(pod("b", "train", "3"), stowagetest.MakeNode("n1"))
	if got, want := first.Permit("n1"), stowage.Wait(10*stowage.Second, key); got != want {
		t.Fatalf("want %v, got %v", want, got)
	}
	// The second was refused by somebody else before it had to wait.
	second.Unreserve("n1")
	if got := h.Effects().Rejected; len(got) > 0 {
		t.Errorf("a pod that did not wait rejected %v", got)
	}
	first.Unreserve("n1")
	want := []stowagetest.Rejection{{Key: key, Reason: "another pod of gang train gave up its node"}}
	if got := h.Effects().Rejected; !slices.Equal(got, want) {
		t.Errorf("want %v, got %v", want, got)
	}
	if got, want := h.Effects().Wakes, []stowage.Duration{5 * stowage.Second}; !slices.Equal(got, want) {
		t.Errorf("tries again: want %v, got %v", want, got)
	}
}

// What a gang is made of follows its pods as they change.
func TestGangsFollowTheirPods(t *testing.T) {
	h := stowagetest.New(t, newPolicy(), reads)
	ask := func(want stowage.Status) {
		t.Helper()
		if got := h.PreEnqueue(pod("a", "train", "2")); got != want {
			t.Errorf("want %v, got %v", want, got)
		}
	}
	h.ApplyObjects(object("b", "train", "2"), object("b", "train", "2"))
	ask(stowage.Success())
	h.ApplyObjects(object("b", "race", "2"))
	ask(has("1 of 2"))
	h.ApplyObjects(object("b", "train", "2"))
	ask(stowage.Success())
	h.DeleteObjects(object("b", "train", "2"), object("never seen", "train", "2"))
	ask(has("1 of 2"))
}

func TestConfig(t *testing.T) {
	h := stowagetest.New(t, newPolicy(), reads)
	if err := h.Configure(`{"gangLabel":"g","sizeLabel":"n"}`); err != nil {
		t.Fatal(err)
	}
	if got, want := h.Needs().Objects[0].LabelSelector, "g"; got != want {
		t.Errorf("want label selector %q, got %q", want, got)
	}
	if got, want := h.PreEnqueue(stowagetest.MakePod("a").Label("g", "train").Label("n", "2")), has("1 of 2"); got != want {
		t.Errorf("want %v, got %v", want, got)
	}
	err := stowagetest.New(t, newPolicy(), reads).Configure(`{"gangLabel":"a b","sizeLabel":"","timeoutSeconds":0,"size":1}`)
	want := `gangLabel: must be a label's key such as example.com/gang, is "a b"
sizeLabel: must be a label's key such as example.com/gang, is ""
timeoutSeconds: must be an integer from 1 to 900, is 0
size: unknown field`
	if err == nil || err.Error() != want {
		t.Errorf("want\n%s\ngot\n%v", want, err)
	}
}
