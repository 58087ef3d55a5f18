// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	schedulermetrics "k8s.io/kubernetes/pkg/scheduler/metrics"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Priorities that the waiting room understands.
const (
	waits = int32(abi.Wait)
	opens = 1
	shuts = 2
)

// waitingRoom is a guest whose Permit has pods of priority waits wait for "team". A pod of priority
// opens lets those go that wait, and one of priority shuts has them rejected. Asked again about a
// pod that waits, it lets it go.
func waitingRoom() *wt.Policy {
	p := wt.NewPolicy()
	allow := p.Import(abi.ImportModule, abi.ImportAllow, 2, wt.I32)
	reject := p.Import(abi.ImportModule, abi.ImportReject, 4, wt.I32)
	p.Descriptor.Points = abi.PointPermit
	p.Data[wt.TextAt] = []byte("teamgone")
	team := wt.Code(wt.Const(wt.TextAt), wt.Const(4))
	on := func(priority uint32, code ...[]byte) []byte {
		return wt.Code(podPriority(), wt.Const(priority), wt.Equal(), wt.If(code...))
	}
	flags := wt.FrameAt + uint32(unsafe.Offsetof(abi.Frame{}.Flags))
	return p.Body(abi.ExportPermit,
		// Whatever it waited for has come.
		wt.Load(flags), wt.If(wt.Const(uint32(abi.Success)), wt.Return()),
		wt.SetSpan(unsafe.Offsetof(abi.Frame{}.Key), wt.TextAt, 4),
		wt.Store64(wt.FrameAt+uint32(unsafe.Offsetof(abi.Frame{}.TimeoutNanos)), int64(time.Minute)),
		on(opens, team, wt.Call(allow), wt.Drop()),
		on(shuts, team, wt.Const(wt.TextAt+4), wt.Const(4), wt.Call(reject), wt.Drop()),
		on(uint32(waits), wt.Const(uint32(abi.Wait)), wt.Return()),
		wt.Const(uint32(abi.Success)))
}

func member(n int, priority int32) *v1.Pod {
	name := fmt.Sprintf("p%d", n)
	return st.MakePod().Name(name).Namespace("default").UID(name).Priority(priority).Obj()
}

// The framework measures how long pods wait.
func init() { schedulermetrics.Register() }

// permit runs the point as the framework does, and returns what becomes of the pod if it waits.
func (h *harness) permit(pod *v1.Pod) <-chan string {
	h.Helper()
	status, timeout := h.plugin.(fwk.PermitPlugin).Permit(h.ctx, h.attempt(pod).state, pod, h.nodes()[0].Node().Name)
	switch {
	case status.IsSuccess():
		return nil
	case status.Code() != fwk.Wait || timeout != time.Minute:
		h.Fatalf("Permit = %s, timeout %v", describe(status), timeout)
	}
	h.framework.AddWaitingPod(pod, map[string]time.Duration{"policy": timeout})
	done := make(chan string, 1)
	go func() { done <- describe(h.framework.WaitOnPermit(h.ctx, pod)) }()
	return done
}

func TestWaitingPods(t *testing.T) {
	for name, tc := range map[string]struct {
		then int32
		want string
	}{
		"are let go":   {opens, ""},
		"are rejected": {shuts, "Unschedulable: pod rejected by policy: gone"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarnessOf(t, waitingRoom(), map[string]any{"capabilities": []string{"waitingPods"}})
			var waiting []<-chan string
			for n := range 3 {
				waiting = append(waiting, h.permit(member(n, waits)))
			}
			if h.permit(member(9, tc.then)) != nil {
				t.Fatal("the last pod waits too")
			}
			for n, done := range waiting {
				if got := within(t, done); got != tc.want {
					t.Errorf("pod %d: %q, want %q", n, got, tc.want)
				}
			}
		})
	}
}

func within(t *testing.T, done <-chan string) string {
	t.Helper()
	select {
	case got := <-done:
		return got
	case <-time.After(10 * time.Second):
		t.Fatal("the pod waits on")
		return ""
	}
}

// Pods that wait for something else, or for another plugin, are not this policy's.
func TestOthersWaitOn(t *testing.T) {
	h := newHarnessOf(t, waitingRoom(), map[string]any{"capabilities": []string{"waitingPods"}})
	other := member(1, waits)
	h.framework.AddWaitingPod(other, map[string]time.Duration{"another": time.Minute})
	h.policy().waiting.add("team", &binding{attempt: &attempt{life: &life{}, pod: other}})
	h.permit(member(9, opens))
	if pod := h.framework.GetWaitingPod(other.UID); len(pod.GetPendingPlugins()) != 1 {
		t.Error("the policy released a pod that waits for another plugin")
	}
}

// A change of what the policy reads has Permit asked again about pods that wait.
func TestReview(t *testing.T) {
	h := newHarnessOf(t, waitingRoom(), map[string]any{"capabilities": []string{"waitingPods"}})
	done := h.permit(member(1, waits))
	h.policy().reviewWaiting(h.ctx)
	if got := within(t, done); got != "" {
		t.Errorf("the pod ended with %q, want it placed", got)
	}
}
