// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/breaker"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// poison is the priority of pods that the guests of queuer cannot cope with.
const poison = 99

// queuer is a guest whose code at each point under the queue's lock is the pod's priority; keys and
// signatures are the bytes of that priority, and priority 0 leaves none.
func queuer() *wt.Policy {
	p := wt.NewPolicy()
	p.Descriptor.Points = queueMask
	trap := wt.Code(podPriority(), wt.Const(poison), wt.Equal(), wt.If(wt.Unreachable()))
	pod := wt.Load(wt.FrameAt + uint32(unsafe.Offsetof(abi.Frame{}.Pod)))
	leave := wt.Code(podPriority(), wt.If(
		wt.Const(wt.FrameAt+uint32(unsafe.Offsetof(abi.Frame{}.NewState))), pod, wt.Const(uint32(unsafe.Offsetof(abi.PodRecord{}.Priority))), wt.Add(), wt.StoreTop(),
		wt.Store(wt.FrameAt+uint32(unsafe.Offsetof(abi.Frame{}.NewState))+4, 4)))
	p.Body(abi.ExportPreEnqueue, trap, podPriority())
	p.Body(abi.ExportQueueingHint, trap, podPriority())
	p.Body(abi.ExportQueueSort, trap, leave, wt.Const(0))
	// Signing is refused to one pod.
	p.Body(abi.ExportSign, trap, leave, podPriority(), wt.Const(uint32(refused)), wt.Equal(), wt.If(wt.Const(uint32(abi.Unschedulable)), wt.Return()), wt.Const(0))
	return p
}

// refused is the priority of pods that queuer does not sign.
const refused = 50

// owned is a plugin, for tests.
type owned interface{ owner() *policy }

// policy is the plugin's policy.
func (h *harness) policy() *policy {
	return h.plugin.(owned).owner()
}

func (c common) owner() *policy { return c.policy }

// without takes the policy's module away until the test ends.
func (h *harness) without() {
	p := h.policy()
	l := p.module.Swap(nil)
	h.Cleanup(func() { p.module.Store(l) })
}

// openBreaker has the policy break down over too many pods.
func (h *harness) openBreaker() {
	p := h.policy()
	for _, uid := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"} {
		p.breaker.Fault(p.host.cycles.Add(1), uid)
	}
	if p.breaker.State() != breaker.Open {
		h.Fatal("the breaker is not open")
	}
}

// The pod's events say why it is not tried, once for each reason.
func TestGatedPodsSayWhy(t *testing.T) {
	h := newHarnessOf(t, queuer(), nil)
	for range 3 {
		h.plugin.(fwk.PreEnqueuePlugin).PreEnqueue(h.ctx, podWithPriority(int32(abi.Unschedulable)))
	}
	pod := podWithPriority(int32(abi.Unschedulable))
	for range 3 {
		h.plugin.(fwk.PreEnqueuePlugin).PreEnqueue(h.ctx, pod)
	}
	const want = "Normal PolicyGated Policy policy keeps the pod out of the scheduling queue: pod rejected by policy"
	if diff := cmp.Diff(slices.Repeat([]string{want}, 4), h.drainEvents()); diff != "" {
		t.Errorf("events (-want,+got):\n%s", diff)
	}
}

// The framework tries gated pods again with each event. One over which a guest broke down is not asked about
// again before it is woken, or another generation is there.
func TestFaultClosesTheGate(t *testing.T) {
	h := newHarnessOf(t, queuer(), nil)
	pod, other, before := podWithPriority(poison), podWithPriority(int32(abi.Success)), faults(t, "")
	enter := func(pod *v1.Pod) fwk.Code { return h.plugin.(fwk.PreEnqueuePlugin).PreEnqueue(h.ctx, pod).Code() }
	for range 3 {
		if got := enter(pod); got != fwk.Error {
			t.Errorf("the pod gets %v, want an error", got)
		}
		if got := enter(other); got != fwk.Success {
			t.Errorf("another pod gets %v, want success", got)
		}
	}
	if got := faults(t, "") - before; got != 1 {
		t.Errorf("%d faults, want 1", got)
	}
	h.policy().module.Load().number++
	enter(pod)
	h.policy().gateOf(pod).closed.Load().until = time.Now()
	enter(pod)
	if got := faults(t, "") - before; got != 3 {
		t.Errorf("%d faults after a reload and after a while, want 3", got)
	}
}

func TestPreEnqueue(t *testing.T) {
	for name, tc := range map[string]struct {
		priority int32
		policy   string
		prepare  func(*harness)
		want     string
		woken    bool
	}{
		"success":               {priority: int32(abi.Success)},
		"unschedulable":         {priority: int32(abi.Unschedulable), want: "Unschedulable: pod rejected by policy"},
		"unresolvable":          {priority: int32(abi.UnschedulableAndUnresolvable), want: "UnschedulableAndUnresolvable: pod rejected by policy"},
		"error":                 {priority: int32(abi.Error), want: "Error: ", woken: true},
		"misplaced code":        {priority: int32(abi.Skip), want: "Error: ABI violation in stowage_pre_enqueue: unknown or misplaced code 5", woken: true},
		"fault":                 {priority: poison, want: "Error: trap in stowage_pre_enqueue: wasm error: unreachable", woken: true},
		"ignored fault":         {priority: poison, policy: "Ignore"},
		"no module":             {prepare: (*harness).without},
		"open breaker":          {prepare: (*harness).openBreaker, want: "Error: " + errOpen.Error(), woken: true},
		"open breaker, ignored": {prepare: (*harness).openBreaker, policy: "Ignore"},
	} {
		t.Run(name, func(t *testing.T) {
			fields := map[string]any{}
			if tc.policy != "" {
				fields["failurePolicy"] = tc.policy
			}
			h := newHarnessOf(t, queuer(), fields)
			if tc.prepare != nil {
				tc.prepare(h)
			}
			got := describe(h.plugin.(fwk.PreEnqueuePlugin).PreEnqueue(h.ctx, podWithPriority(tc.priority)))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("status (-want,+got):\n%s", diff)
			}
			if woken := h.waking() > 0; woken != tc.woken {
				t.Errorf("pod is to be woken: %v, want %v", woken, tc.woken)
			}
		})
	}
}

// waking is how many pods are to be tried again.
func (h *harness) waking() int {
	w := &h.policy().waker
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.due)
}

// A module that was loaded after the plugin was exposed may lack what the framework calls.
func TestPreEnqueueWithoutThePoint(t *testing.T) {
	h := newHarnessOf(t, queuer(), nil)
	h.policy().module.Load().about.Points &^= abi.PointPreEnqueue
	if got := describe(h.plugin.(fwk.PreEnqueuePlugin).PreEnqueue(h.ctx, podWithPriority(poison))); got != "" {
		t.Errorf("status = %q, want none", got)
	}
}

// Points under the queue's lock race with each other and with Close; whatever they say, they end.
func TestQueuePointsBesideClose(t *testing.T) {
	h := newHarnessOf(t, queuer(), map[string]any{"circuitBreaker": map[string]any{"faults": 0}})
	plugin := h.plugin.(queuePlugin)
	events, err := plugin.EventsToRegister(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	pods := make([]*v1.Pod, 64)
	for i := range pods {
		pods[i] = podWithPriority(int32(i % 3))
		if i%16 == 0 {
			pods[i] = podWithPriority(poison)
		}
	}
	ctx, cancel := context.WithCancel(h.ctx)
	hammer := func(call func(pod, other *v1.Pod)) {
		for i := 0; ctx.Err() == nil; i++ {
			call(pods[i%len(pods)], pods[(7*i+1)%len(pods)])
		}
	}
	done := make(chan struct{})
	calls := []func(pod, other *v1.Pod){
		func(pod, _ *v1.Pod) { plugin.PreEnqueue(h.ctx, pod) },
		func(pod, _ *v1.Pod) { _, _ = plugin.SignPod(h.ctx, pod) },
		func(pod, other *v1.Pod) { plugin.Less(queued(pod), queued(other)) },
		func(pod, other *v1.Pod) { plugin.Less(queued(other.DeepCopy()), queued(pod)) },
		func(pod, other *v1.Pod) { _, _ = events[0].QueueingHintFn(h.policy().logger, pod, other, pod) },
		func(pod, _ *v1.Pod) {
			_, _ = events[3].QueueingHintFn(h.policy().logger, pod, nil, st.MakeNode().Name("n").Obj())
		},
	}
	for _, call := range calls {
		go func() { hammer(call); done <- struct{}{} }()
	}
	time.Sleep(300 * time.Millisecond)
	if err := h.plugin.(interface{ Close() error }).Close(); err != nil {
		t.Error(err)
	}
	time.Sleep(20 * time.Millisecond)
	cancel()
	for range calls {
		<-done
	}
	if s := plugin.PreEnqueue(h.ctx, podWithPriority(0)); !strings.HasPrefix(describe(s), "Error: ") {
		t.Errorf("status after Close = %q, want an error", describe(s))
	}
}

// queuePlugin is what the framework sees of queuer.
type queuePlugin interface {
	fwk.PreEnqueuePlugin
	fwk.QueueSortPlugin
	fwk.SignPlugin
	fwk.EnqueueExtensions
}
