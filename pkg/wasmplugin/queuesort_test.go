// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func queued(pod *v1.Pod) fwk.QueuedEntityInfo {
	return &framework.QueuedPodInfo{PodInfo: &framework.PodInfo{Pod: pod}}
}

// entrant is a pod as the queue holds it, with a time of its own.
func entrant(name string, priority int32, second int) *framework.QueuedPodInfo {
	pod := podWithPriority(priority)
	pod.Name = name
	return &framework.QueuedPodInfo{
		PodInfo:        &framework.PodInfo{Pod: pod},
		QueueingParams: framework.QueueingParams{Timestamp: time.Unix(int64(second), 0)},
	}
}

func group(pods ...*v1.Pod) fwk.QueuedEntityInfo {
	return &framework.QueuedPodGroupInfo{PodGroupInfo: &framework.PodGroupInfo{
		PodGroup: &schedulingv1beta1.PodGroup{}, UnscheduledPods: pods,
	}}
}

// sorted is names in the order of Less.
func sorted(plugin fwk.QueueSortPlugin, list []*framework.QueuedPodInfo) (names []string) {
	slices.SortStableFunc(list, func(a, b *framework.QueuedPodInfo) int {
		switch {
		case plugin.Less(a, b):
			return -1
		case plugin.Less(b, a):
			return 1
		}
		return 0
	})
	for _, e := range list {
		names = append(names, e.Pod.Name)
	}
	return names
}

// Of queuer's pods those with a priority have it as their key.
func TestQueueIsSortedByKeys(t *testing.T) {
	list := func() []*framework.QueuedPodInfo {
		return []*framework.QueuedPodInfo{
			entrant("no key", 0, 1), entrant("late", 3, 9), entrant("poison", poison, 5), entrant("third", 3, 2), entrant("first", 1, 7), entrant("no key, older", 0, 0),
		}
	}
	byPriority := []string{"poison", "third", "late", "first", "no key, older", "no key"}
	for name, tc := range map[string]struct {
		prepare func(*harness)
		want    []string
	}{
		"keys, then priority and age": {func(*harness) {}, []string{"first", "third", "late", "poison", "no key, older", "no key"}},
		"no module":                   {(*harness).without, byPriority},
		"open breaker":                {(*harness).openBreaker, byPriority},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarnessOf(t, queuer(), nil)
			tc.prepare(h)
			if diff := cmp.Diff(tc.want, sorted(h.plugin.(fwk.QueueSortPlugin), list())); diff != "" {
				t.Errorf("order (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestGroupsAreSortedByTheirFirstPod(t *testing.T) {
	h := newHarnessOf(t, queuer(), nil)
	less := h.plugin.(fwk.QueueSortPlugin).Less
	first, second := group(podWithPriority(1), podWithPriority(9)), group(podWithPriority(5))
	for name, tc := range map[string]struct {
		a, b fwk.QueuedEntityInfo
		want bool
	}{
		"before":            {first, second, true},
		"behind":            {second, first, false},
		"before a pod":      {second, queued(podWithPriority(7)), true},
		"empty behind all":  {group(), second, false},
		"all before empty":  {second, group(), true},
		"empty like others": {group(), group(), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := less(tc.a, tc.b); got != tc.want {
				t.Errorf("Less = %v, want %v", got, tc.want)
			}
		})
	}
}

// whimsical leaves another key in each call, and sometimes traps: a counter times 37, of which 1 in 8 is
// a fault.
func whimsical() *wt.Policy {
	const counter = wt.TextAt
	p := wt.NewPolicy()
	p.Descriptor.Points = abi.PointQueueSort
	return p.Body(abi.ExportQueueSort,
		wt.Const(counter), wt.Load(counter), wt.Const(37), wt.Add(), wt.StoreTop(),
		podPriority(), wt.Const(8), wt.Less(), wt.If(wt.Unreachable()),
		wt.SetSpan(unsafe.Offsetof(abi.Frame{}.NewState), counter, 1), wt.Const(0))
}

// Less is a strict weak order over any pods, with any keys and without, from any goroutines, though
// the guest says something else each time: each pod's key is worked out once.
func TestLessIsAStrictWeakOrder(t *testing.T) {
	h := newHarnessOf(t, whimsical(), map[string]any{"circuitBreaker": map[string]any{"faults": 0}})
	plugin := h.plugin.(fwk.QueueSortPlugin)
	var list []*framework.QueuedPodInfo
	for i := range 60 {
		list = append(list, entrant(string(rune('A'+i)), rand.Int32N(64), i%5))
	}
	calls := queueSortCalls(t)
	var goroutines sync.WaitGroup
	for range 4 {
		goroutines.Go(func() {
			for range 3000 {
				a, b, c := list[rand.IntN(len(list))], list[rand.IntN(len(list))], list[rand.IntN(len(list))]
				checkOrder(t, plugin.Less, a, b, c)
			}
		})
	}
	goroutines.Wait()
	if got := queueSortCalls(t) - calls; got != len(list) {
		t.Errorf("%d calls for %d pods", got, len(list))
	}
	runtime.KeepAlive(list)
}

func checkOrder(t *testing.T, less func(a, b fwk.QueuedEntityInfo) bool, a, b, c *framework.QueuedPodInfo) {
	t.Helper()
	same := func(a, b *framework.QueuedPodInfo) bool { return !less(a, b) && !less(b, a) }
	switch {
	case less(a, a):
		t.Errorf("%s comes before itself", a.Pod.Name)
	case less(a, b) && less(b, a):
		t.Errorf("%s and %s come before each other", a.Pod.Name, b.Pod.Name)
	case less(a, b) && less(b, c) && !less(a, c):
		t.Errorf("%s, %s and %s have an order that is not transitive", a.Pod.Name, b.Pod.Name, c.Pod.Name)
	case same(a, b) && same(b, c) && !same(a, c):
		t.Errorf("%s, %s and %s are alike, and are not", a.Pod.Name, b.Pod.Name, c.Pod.Name)
	}
}

// queueSortCalls is how often guests were asked for a key, by all policies.
func queueSortCalls(tb testing.TB) int {
	tb.Helper()
	n := 0
	for key, count := range counts(tb, "stowage_policy_calls_total", "point", "result") {
		if key == "QueueSort/success" || key == "QueueSort/fault" {
			n += count
		}
	}
	return n
}

// A pod keeps its place when the policy cannot be asked any more, and also when it could not be.
func TestKeysStay(t *testing.T) {
	h := newHarnessOf(t, queuer(), nil)
	plugin := h.plugin.(fwk.QueueSortPlugin)
	keyed, keyless := entrant("keyed", 5, 1), entrant("keyless", 1, 0)
	if plugin.Less(keyed, keyed) {
		t.Error("a pod comes before itself")
	}
	l := h.policy().module.Swap(nil)
	if !plugin.Less(keyed, keyless) {
		t.Error("a pod without a key comes first")
	}
	h.policy().module.Store(l)
	if !plugin.Less(keyed, keyless) {
		t.Error("a pod got a key later")
	}
	again := entrant("again", 1, 0)
	if plugin.Less(keyed, again) {
		t.Error("the next version of the pod has no key")
	}
}

func TestEntriesGoWithTheirObjects(t *testing.T) {
	var c perObject[v1.Pod, int]
	kept := podWithPriority(0)
	for i := range 100 {
		if got := c.get(podWithPriority(int32(i)), func(pod *v1.Pod) int { return int(*pod.Spec.Priority) }); got != i {
			t.Fatalf("value = %d, want %d", got, i)
		}
	}
	c.get(kept, func(*v1.Pod) int { return -1 })
	wantEventually(t, func() bool { runtime.GC(); return c.size() == 1 })
	if got := c.get(kept, func(*v1.Pod) int { return 7 }); got != -1 {
		t.Errorf("value = %d, want -1", got)
	}
}
