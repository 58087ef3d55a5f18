// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"os"
	"sync"
	"testing"
	"time"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// mapsAt is where the guest counts the changes that it was told of.
const mapsAt = 4000

// mapKeeper is a guest that rejects pods in PreFilter until it has heard of more than 20 ConfigMaps,
// and whose hints are the pod's priority.
func mapKeeper() *wt.Policy {
	p := wt.NewPolicy()
	p.Descriptor.Points = abi.PointPreFilter | abi.PointQueueingHint | abi.PointObjects
	count := wt.FrameAt + uint32(unsafe.Offsetof(abi.Frame{}.ObjectCount))
	p.Body(abi.ExportObjects, wt.Const(mapsAt), wt.Load(mapsAt), wt.Load(count), wt.Add(), wt.StoreTop(), wt.Const(0))
	p.Body(abi.ExportPreFilter, wt.Const(20), wt.Load(mapsAt), wt.Less(), wt.Not(), wt.If(wt.Const(uint32(abi.Unschedulable)), wt.Return()), wt.Const(0))
	p.Body(abi.ExportQueueingHint, podPriority())
	return needsConfigMaps(p)
}

// keeper is a plugin of that policy on a cluster with 20 ConfigMaps, with what it woke.
func keeper(t *testing.T) (h *harness, client dynamic.Interface, awake func() []string) {
	t.Helper()
	path := t.TempDir() + "/policy.wasm"
	if err := os.WriteFile(path, mapKeeper().Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	h = newBareHarness(t, zoned(3))
	host := NewHost()
	client, _ = fakeCluster(nil)
	host.dynamic = func(*rest.Config) (dynamic.Interface, error) { return client, nil }
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	h.plugin = h.loadArgs(host, args(path, map[string]any{"capabilities": []string{"objects:configmaps"}}))
	var mu sync.Mutex
	var names []string
	h.policy().waker.activate = func(pods map[string]*v1.Pod) {
		mu.Lock()
		defer mu.Unlock()
		for _, pod := range pods {
			names = append(names, pod.Name)
		}
	}
	return h, client, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), names...)
	}
}

func addMap(t *testing.T, client dynamic.Interface, name string) {
	t.Helper()
	resource := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("default")
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "default", "uid": name, "resourceVersion": "2"},
	}}
	if _, err := resource.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// Guests know the objects from their first call on, and a change wakes the pods that it may help: all
// that the policy rejected and for which it does not say Skip.
func TestObjectsWakeRejectedPods(t *testing.T) {
	h, client, awake := keeper(t)
	const want = "Unschedulable: pod rejected by policy"
	objects := h.policy().module.Load().objects
	waitUntil(t, "all objects", func() bool { return objects.Version() == 20 })
	// Their coming wakes pods too.
	time.Sleep(4 * wakeSoonest)
	for n, priority := range []int32{int32(abi.Success), int32(abi.Skip)} {
		if got := h.attempt(member(n, priority)).preFilter(); got != want {
			t.Fatalf("with 20 objects: %q, want %q", got, want)
		}
	}
	before := len(awake())
	addMap(t, client, "another")
	waitUntil(t, "the pod to be woken", func() bool { return len(awake()) > before })
	time.Sleep(2 * wakeSoonest)
	if got := awake()[before:]; len(got) != 1 || got[0] != "p0" {
		t.Errorf("woken: %v, want p0: the policy skips p1", got)
	}
	if got := h.attempt(member(0, 0)).preFilter(); got != "" {
		t.Errorf("with 21 objects: %q", got)
	}
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited too long for %s", what)
}

// A pod that is rejected while an object changes is woken, whichever comes first: its guest may have
// decided on what was before.
func TestNoWakeUpIsLost(t *testing.T) {
	h, _, awake := keeper(t)
	p := h.policy()
	a := p.newAttempt(member(7, 0))
	a.module = p.module.Load()
	a.objects = a.module.objects.Version() - 1 // it changed since
	p.noteRejection(a)
	waitUntil(t, "the pod to be woken", func() bool { return len(awake()) == 1 })
}

// A pod that is woken and rejected again and again waits longer each time.
func TestWakingBacksOff(t *testing.T) {
	r := rejections{alive: func(*v1.Pod) bool { return true }}
	r.add(member(1, 0))
	var total time.Duration
	for range 12 {
		total += r.delay("p1")
	}
	if want := wakeLatest * 3; total < want {
		t.Errorf("12 times take %v, want at least %v", total, want)
	}
	if got := r.delay("p2"); got != wakeSoonest {
		t.Errorf("another pod waits %v, want %v", got, wakeSoonest)
	}
}

// Pods that are placed or gone are not kept for ever.
func TestRejectionsAreBounded(t *testing.T) {
	r := rejections{alive: func(pod *v1.Pod) bool { return pod.Name == "p1" }}
	for n := range 10 * pruneAt {
		r.add(member(n, 0))
	}
	if n := len(r.pods); n > 2*pruneAt || r.pods["p1"] == nil {
		t.Errorf("%d pods are kept, want at most %d with p1 among them", n, 2*pruneAt)
	}
}
