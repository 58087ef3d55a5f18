// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// bookkeeper is a guest that declares accounts by namespace, and counts pods in shared data: one more
// in Reserve, one less in Unreserve.
func bookkeeper() *wt.Policy {
	const needs, accounts, value = 3000, 3100, 3200
	p := wt.NewPolicy()
	get := p.Import(abi.ImportModule, abi.ImportDataGet, 4, wt.I32)
	set := p.Import(abi.ImportModule, abi.ImportDataSet, 4, wt.I32)
	p.Descriptor.Points = abi.PointFilter | abi.PointReserve
	p.Text("count")
	p.Data[needs] = words(32, 0, 0, 0, 0, 0, accounts, 1)
	p.Data[accounts] = words(0, 0)
	key := wt.Code(wt.Const(wt.TextAt), wt.Const(5))
	change := func(by uint32) []byte {
		return wt.Code(
			wt.Store(value, 0),
			key, wt.Const(value), wt.Const(4), wt.Call(get), wt.Drop(),
			wt.Const(value), wt.Load(value), wt.Const(by), wt.Add(), wt.StoreTop(),
			key, wt.Const(value), wt.Const(4), wt.Call(set), wt.Drop(), wt.Const(0))
	}
	p.Body(abi.ExportReserve, change(1)).Body(abi.ExportUnreserve, change(^uint32(0)))
	return p.Body(abi.ExportConfigure, wt.SetResult(unsafe.Offsetof(abi.Frame{}.Needs), needs), wt.Const(0))
}

// The scheduler tries out a group of pods and takes all of it back, many times. What the host keeps for
// the policy is then as it was.
func TestSimulatedGroupsLeaveNothing(t *testing.T) {
	h := newHarnessOf(t, bookkeeper(), map[string]any{"capabilities": []string{"ledger", "sharedData"}})
	p := h.policy()
	plugin := h.plugin.(bindPlugin)
	node := h.nodes()[0].Node().Name
	// One pod is placed for good.
	first := h.attempt(member(0, 0))
	first.preFilter()
	plugin.Reserve(h.ctx, first.state, first.pod, node)
	before := h.kept(p)
	for round := range 200 {
		var tried []*podAttempt
		for n := range 5 {
			a := h.attempt(member(100+n, 0))
			a.state.(*framework.CycleState).SetPodGroupSchedulingCycle(framework.NewCycleState())
			a.preFilter()
			for _, info := range h.nodes() {
				a.filterNode(info)
			}
			if s := describe(plugin.Reserve(h.ctx, a.state, a.pod, node)); s != "" {
				t.Fatal(s)
			}
			tried = append(tried, a)
		}
		if got, want := p.host.ledger.Used(0, "default", "pods"), int64(6); got != want {
			t.Fatalf("round %d: the ledger counts %d pods while five are tried, want %d", round, got, want)
		}
		for n := range tried {
			a := tried[len(tried)-1-n]
			plugin.Unreserve(h.ctx, a.state, a.pod, node)
		}
	}
	if diff := cmp.Diff(before, h.kept(p)); diff != "" {
		t.Errorf("what is kept (-before,+after):\n%s", diff)
	}
}

// kept is what the host keeps for a policy.
func (h *harness) kept(p *policy) map[string]any {
	return map[string]any{
		"ledger": p.host.ledger.Totals(0, "default"), "data": p.data.Snapshot(),
		"waiting": len(p.waiting.every()), "rejected": len(p.rejections.pods),
	}
}
