// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	clienttesting "k8s.io/client-go/testing"
	fwk "k8s.io/kube-scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// binder is a guest that answers what comes after a node has been chosen with the pod's priority
// as its code, and Success for priority 0.
func binder() *wt.Policy {
	p := wt.NewPolicy()
	p.Descriptor.Points = bindMask
	for _, export := range bindExports {
		p.Body(export, podPriority())
	}
	return p
}

var bindExports = []string{
	abi.ExportReserve, abi.ExportUnreserve, abi.ExportPermit, abi.ExportPreBindPreFlight, abi.ExportPreBind, abi.ExportBind, abi.ExportPostBind,
}

// bindPlugin is what the framework sees of such a policy.
type bindPlugin interface {
	fwk.ReservePlugin
	fwk.PermitPlugin
	fwk.PreBindPlugin
	fwk.BindPlugin
	fwk.PostBindPlugin
}

// place runs all points on one node and describes what each said.
func (h *harness) place(pod *v1.Pod) map[string]string {
	h.Helper()
	a, node := h.attempt(pod), h.nodes()[1].Node().Name
	p := h.plugin.(bindPlugin)
	permit, timeout := p.Permit(h.ctx, a.state, pod, node)
	_, flight := p.PreBindPreFlight(h.ctx, a.state, pod, node)
	got := map[string]string{
		"Reserve": describe(p.Reserve(h.ctx, a.state, pod, node)), "Permit": describe(permit),
		"PreBindPreFlight": describe(flight), "PreBind": describe(p.PreBind(h.ctx, a.state, pod, node)),
		"Bind": describe(p.Bind(h.ctx, a.state, pod, node)),
	}
	if timeout != 0 {
		got["timeout"] = timeout.String()
	}
	p.PostBind(h.ctx, a.state, pod, node)
	p.Unreserve(h.ctx, a.state, pod, node)
	return got
}

func podWithPriority(priority int32) *v1.Pod {
	return st.MakePod().Name("p").Namespace("default").UID("p").Priority(priority).Obj()
}

// exist has the API server know a pod, for it to be bound.
func (h *harness) exist(pod *v1.Pod) *v1.Pod {
	h.Helper()
	if err := h.client.Tracker().Add(pod); err != nil {
		h.Fatal(err)
	}
	return pod
}

func TestVerdictsAboutTheChosenNode(t *testing.T) {
	h := newHarnessOf(t, binder(), map[string]any{"capabilities": []string{"bind"}})
	for name, tc := range map[string]struct {
		code abi.Code
		want map[string]string
	}{
		"success": {abi.Success, map[string]string{"Reserve": "", "Permit": "", "PreBindPreFlight": "", "PreBind": "", "Bind": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, h.place(h.exist(podWithPriority(int32(tc.code))))); diff != "" {
				t.Errorf("statuses (-want,+got):\n%s", diff)
			}
		})
	}
}

// Each code is a verdict where the framework has a meaning for it, and elsewhere a fault.
func TestRejectionsOfTheChosenNode(t *testing.T) {
	const rejected = "Unschedulable: pod rejected by policy"
	h := newHarnessOf(t, binder(), map[string]any{"capabilities": []string{"bind"}, "circuitBreaker": map[string]any{"faults": 0}})
	node := h.nodes()[0].Node().Name
	for name, tc := range map[string]struct {
		code abi.Code
		want map[string]string
	}{
		"unschedulable": {abi.Unschedulable, map[string]string{
			"Reserve": rejected, "Permit": rejected, "PreBind": rejected,
			"Bind": "Error: ABI violation in stowage_bind: unknown or misplaced code 2",
		}},
		"skip": {abi.Skip, map[string]string{
			"Reserve": "Error: ABI violation in stowage_reserve: unknown or misplaced code 5",
			"Permit":  "Error: ABI violation in stowage_permit: unknown or misplaced code 5",
			"PreBind": "Error: ABI violation in stowage_pre_bind: unknown or misplaced code 5",
			"Bind":    "Skip: ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			pod, p := podWithPriority(int32(tc.code)), h.plugin.(bindPlugin)
			got := map[string]string{}
			got["Reserve"] = describe(p.Reserve(h.ctx, h.attempt(pod).state, pod, node))
			permit, _ := p.Permit(h.ctx, h.attempt(pod).state, pod, node)
			got["Permit"] = describe(permit)
			got["PreBind"] = describe(p.PreBind(h.ctx, h.attempt(pod).state, pod, node))
			got["Bind"] = describe(p.Bind(h.ctx, h.attempt(pod).state, pod, node))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("statuses (-want,+got):\n%s", diff)
			}
		})
	}
}

// A fault gives what failurePolicy says, and the rest of the pod's points follow without a guest.
func TestFaultsAboutTheChosenNode(t *testing.T) {
	for policy, want := range map[string]map[string]string{
		"Fail": {
			"Reserve": "Error: trap in stowage_reserve: wasm error: unreachable", "Permit": "Error: trap in stowage_permit: wasm error: unreachable",
			"PreBindPreFlight": "Error: trap in stowage_permit: wasm error: unreachable",
			"PreBind":          "Error: trap in stowage_reserve: wasm error: unreachable", "Bind": "Error: trap in stowage_reserve: wasm error: unreachable",
		},
		"Ignore": {"Reserve": "", "Permit": "", "PreBindPreFlight": "Skip: ", "PreBind": "", "Bind": "Skip: "},
	} {
		t.Run(policy, func(t *testing.T) {
			p := binder()
			for _, export := range bindExports {
				p.Body(export, wt.Unreachable(), wt.Const(0))
			}
			h := newHarnessOf(t, p, map[string]any{"capabilities": []string{"bind"}, "failurePolicy": policy})
			if diff := cmp.Diff(want, h.place(podWithPriority(0))); diff != "" {
				t.Errorf("statuses (-want,+got):\n%s", diff)
			}
		})
	}
}

// What PreFilter left is there when the pod is bound, and each point may replace it.
func TestStateReachesBinding(t *testing.T) {
	state := uint32(unsafe.Offsetof(abi.Frame{}.State)) + 4
	next := unsafe.Offsetof(abi.Frame{}.NewState)
	leave := func(n uint32) []byte { return wt.SetSpan(next, wt.TextAt, n) }
	// Each point returns Success if the state is as long as it should be, else Error.
	expect := func(n uint32) []byte { return wt.Code(wt.Load(wt.FrameAt+state), wt.Const(n), wt.Equal(), wt.Not()) }
	p := binder()
	p.Descriptor.Points = bindMask | abi.PointPreFilter
	p.Body(abi.ExportPreFilter, leave(3), wt.Const(0))
	p.Body(abi.ExportReserve, leave(4), expect(3))
	p.Body(abi.ExportPermit, expect(4))
	p.Body(abi.ExportPreBindPreFlight, wt.Const(0))
	p.Body(abi.ExportPreBind, leave(5), expect(4))
	p.Body(abi.ExportBind, expect(5))
	h := newHarnessOf(t, p, map[string]any{"capabilities": []string{"bind"}})
	pod := h.exist(podWithPriority(0))
	a := h.attempt(pod)
	if s := a.preFilter(); s != "" {
		t.Fatal(s)
	}
	b, node := h.plugin.(bindPlugin), h.nodes()[0].Node().Name
	got := map[string]string{"Reserve": describe(b.Reserve(h.ctx, a.state, pod, node))}
	permit, _ := b.Permit(h.ctx, a.state, pod, node)
	got["Permit"] = describe(permit)
	got["PreBind"] = describe(b.PreBind(h.ctx, a.state, pod, node))
	got["Bind"] = describe(b.Bind(h.ctx, a.state, pod, node))
	want := map[string]string{"Reserve": "", "Permit": "", "PreBind": "", "Bind": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want,+got):\n%s", diff)
	}
}

// The API server gives the pod the annotations of its binding.
func TestBindAnnotates(t *testing.T) {
	p := binder()
	p.Data[wt.TextAt] = []byte("stowage.dev/seatwindow")
	p.Data[wt.TextAt+64] = []byte{
		byte(wt.TextAt & 0xff), byte(wt.TextAt >> 8), 0, 0, 16, 0, 0, 0,
		byte((wt.TextAt + 16) & 0xff), byte((wt.TextAt + 16) >> 8), 0, 0, 6, 0, 0, 0,
	}
	p.Body(abi.ExportBind, wt.SetSpan(unsafe.Offsetof(abi.Frame{}.Annotations), wt.TextAt+64, 1), wt.Const(0))
	h := newHarnessOf(t, p, map[string]any{"capabilities": []string{"bind"}})
	pod, node := h.exist(podWithPriority(0)), h.nodes()[2].Node().Name
	if s := describe(h.plugin.(bindPlugin).Bind(h.ctx, h.attempt(pod).state, pod, node)); s != "" {
		t.Fatal(s)
	}
	var got []*v1.Binding
	for _, action := range h.client.Actions() {
		if create, ok := action.(clienttesting.CreateAction); ok && action.GetSubresource() == "binding" {
			got = append(got, create.GetObject().(*v1.Binding))
		}
	}
	if len(got) != 1 {
		t.Fatalf("%d bindings, want 1", len(got))
	}
	want := map[string]string{"stowage.dev/seat": "window"}
	if diff := cmp.Diff(want, got[0].Annotations); diff != "" || got[0].Target.Name != node || got[0].UID != pod.UID {
		t.Errorf("binding %+v: annotations (-want,+got):\n%s", got[0], diff)
	}
}

func TestBindNeedsItsCapability(t *testing.T) {
	h := newHarnessOf(t, binder(), map[string]any{"capabilities": []string{"log"}})
	err := h.plugin.(interface{ LoadError() error }).LoadError()
	const want = `it binds pods, which needs capability "bind": add it to capabilities in the policy's args`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}
