// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// newHarnessOf has an assembled guest judge three nodes; fields are added to its args.
func newHarnessOf(tb testing.TB, p *wt.Policy, fields map[string]any) *harness {
	tb.Helper()
	return newHarnessOfBytes(tb, p.Bytes(), fields)
}

func newHarnessOfBytes(tb testing.TB, module []byte, fields map[string]any) *harness {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "policy.wasm")
	if err := os.WriteFile(path, module, 0o600); err != nil {
		tb.Fatal(err)
	}
	h := newBareHarness(tb, zoned(3))
	host := NewHost()
	tb.Cleanup(func() {
		if err := host.Close(); err != nil {
			tb.Error(err)
		}
	})
	h.plugin = h.loadArgs(host, args(path, fields))
	return h
}

// statuses is what each point of the plugin says in one attempt, as the framework calls them:
// without Filter after a Skip of PreFilter, and so on. Scores are those of the nodes in turn.
func (h *harness) statuses(pod *v1.Pod) map[string]string {
	h.Helper()
	a, got := h.attempt(pod), map[string]string{}
	nodes := h.nodes()
	all := h.plugin.(interface {
		fwk.PreFilterPlugin
		fwk.FilterPlugin
		fwk.PreScorePlugin
		fwk.ScorePlugin
	})
	_, status := all.PreFilter(h.ctx, a.state, pod, nodes)
	got["PreFilter"] = describe(status)
	if !status.IsSkip() {
		got["Filter"] = describe(all.Filter(h.ctx, a.state, pod, nodes[0]))
	}
	status = all.PreScore(h.ctx, a.state, pod, nodes)
	got["PreScore"] = describe(status)
	if !status.IsSuccess() {
		return got
	}
	list := fwk.NodeScoreList{{Name: nodes[0].Node().Name}}
	list[0].Score, status = all.Score(h.ctx, a.state, pod, nodes[0])
	got["Score"] = describe(status)
	if ext := all.ScoreExtensions(); ext != nil {
		got["NormalizeScore"] = describe(ext.NormalizeScore(h.ctx, a.state, pod, list))
	}
	if list[0].Score != 0 {
		h.Errorf("score of a guest that gives none = %d", list[0].Score)
	}
	return got
}

func somePod(name string) *v1.Pod { return st.MakePod().Name(name).UID(name).Obj() }

// What a pod gets when the guest breaks down at a point, and at the points after it: the table of
// docs/security.md.
func TestFailurePolicy(t *testing.T) {
	const pass, skip = "", "Skip: "
	trap := func(export string) string { return "Error: trap in " + export + ": wasm error: unreachable" }
	for export, want := range map[string]struct{ fail, ignore map[string]string }{
		abi.ExportPreFilter: {
			fail: map[string]string{
				"PreFilter": trap(abi.ExportPreFilter), "Filter": trap(abi.ExportPreFilter), "PreScore": trap(abi.ExportPreFilter),
			},
			ignore: map[string]string{"PreFilter": skip, "PreScore": skip},
		},
		abi.ExportFilter: {
			fail:   map[string]string{"PreFilter": pass, "Filter": trap(abi.ExportFilter), "PreScore": trap(abi.ExportFilter)},
			ignore: map[string]string{"PreFilter": pass, "Filter": pass, "PreScore": skip},
		},
		abi.ExportPreScore: {
			fail:   map[string]string{"PreFilter": pass, "Filter": pass, "PreScore": trap(abi.ExportPreScore)},
			ignore: map[string]string{"PreFilter": pass, "Filter": pass, "PreScore": skip},
		},
		abi.ExportScore: {
			fail:   map[string]string{"PreFilter": pass, "Filter": pass, "PreScore": trap(abi.ExportScore)},
			ignore: map[string]string{"PreFilter": pass, "Filter": pass, "PreScore": skip},
		},
		abi.ExportNormalizeScore: {
			fail: map[string]string{
				"PreFilter": pass, "Filter": pass, "PreScore": pass, "Score": pass, "NormalizeScore": trap(abi.ExportNormalizeScore),
			},
			ignore: map[string]string{"PreFilter": pass, "Filter": pass, "PreScore": pass, "Score": pass, "NormalizeScore": pass},
		},
	} {
		t.Run(export, func(t *testing.T) {
			p := wt.NewPolicy().Body(export, wt.Unreachable())
			for policy, want := range map[string]map[string]string{"Fail": want.fail, "Ignore": want.ignore} {
				h := newHarnessOf(t, p, map[string]any{"failurePolicy": policy})
				if diff := cmp.Diff(want, h.statuses(somePod("p"))); diff != "" {
					t.Errorf("%s (-want,+got):\n%s", policy, diff)
				}
			}
		})
	}
}

// A pod sees one fault of a policy, however many nodes there are; the next pod is asked about
// again, by another guest.
func TestOneFaultEndsTheAttempt(t *testing.T) {
	h := newHarnessOf(t, wt.NewPolicy().Body(abi.ExportFilter, wt.Unreachable()), map[string]any{"failurePolicy": "Ignore"})
	for _, pod := range []string{"a", "b"} {
		before := faults(t, "trap")
		h.filter(somePod(pod))
		if got := faults(t, "trap") - before; got != 1 {
			t.Errorf("pod %s met %v faults, want 1", pod, got)
		}
	}
}

// A fault on one node ends the call about others that is running at the same time, and nobody
// reports it a second time.
func TestFaultEndsCallsBesideIt(t *testing.T) {
	single := wt.Load(wt.FrameAt + uint32(unsafe.Offsetof(abi.Frame{}.SlotCount)))
	p := wt.NewPolicy().Body(abi.ExportFilter, single, wt.Const(1), wt.Equal(), wt.If(wt.Unreachable()), wt.Loop(wt.Br(0)), wt.Const(0))
	h := newHarnessOf(t, p, map[string]any{"limits": map[string]any{
		"instances": 2, "deadline": "10s", "fuel": map[string]any{"perCall": 1_000_000_000_000},
	}})
	a, nodes, trapped, all := h.attempt(somePod("p")), h.nodes(), faults(t, "trap"), faults(t, "")
	a.preFilter()
	endless := make(chan string)
	go func() { endless <- a.filterNode(nodes[0]) }()
	time.Sleep(50 * time.Millisecond)
	want := a.filterNode(nodes[2])
	if got := <-endless; got != want {
		t.Errorf("status of the call beside = %q, want that of the fault, %q", got, want)
	}
	if trapped, all = faults(t, "trap")-trapped, faults(t, "")-all; trapped != 1 || all != 1 {
		t.Errorf("%d faults, %d of them traps, want 1 trap", all, trapped)
	}
}

// Workers that wait for a guest do not get the next one when the attempt has failed.
func TestFaultEndsWaiting(t *testing.T) {
	h := newHarnessOf(t, wt.NewPolicy().Body(abi.ExportFilter, wt.Loop(wt.Br(0)), wt.Const(0)), map[string]any{"limits": map[string]any{
		"instances": 1, "deadline": "10s", "fuel": map[string]any{"perCall": 300_000_000},
	}})
	a, nodes, before := h.attempt(somePod("p")), h.nodes(), faults(t, "")
	a.preFilter()
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			if got := a.filterNode(nodes[0]); !strings.HasPrefix(got, "Error: fuel exhausted") {
				t.Errorf("status = %q, want fuel exhausted", got)
			}
		})
	}
	workers.Wait()
	if got := faults(t, "") - before; got != 1 {
		t.Errorf("%d faults, want 1", got)
	}
}

// Bytes that are no module do not keep the scheduler from starting, and a working module is
// picked up when it is there.
func TestMissingModule(t *testing.T) {
	missing := `Error: the policy has no working module: file policy.wasm: not a usable module: `
	for policy, want := range map[string]map[string]string{
		"Fail":   {"PreFilter": missing, "Filter": missing, "PreScore": missing},
		"Ignore": {"PreFilter": "Skip: ", "PreScore": "Skip: "},
	} {
		t.Run(policy, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("policy.wasm", []byte("not a module"), 0o600); err != nil {
				t.Fatal(err)
			}
			h := newBareHarness(t, zoned(3))
			host := NewHost()
			host.retry = 10 * time.Millisecond
			h.plugin = h.loadArgs(host, args("policy.wasm", map[string]any{"failurePolicy": policy}))
			got := h.statuses(somePod("p"))
			for point, status := range got {
				if strings.HasPrefix(status, missing) {
					got[point] = missing
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("without a module (-want,+got):\n%s", diff)
			}
			if err := os.WriteFile("policy.wasm", wt.NewPolicy().Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			wantEventually(t, func() bool { return h.plugin.(interface{ LoadError() error }).LoadError() == nil })
			if got := h.statuses(somePod("p")); got["PreFilter"] != "" || got["NormalizeScore"] != "" {
				t.Errorf("with a module: %v", got)
			}
		})
	}
}

// A guest that breaks down while it loads is a missing module too, with the fault as the reason.
func TestFaultsWhileLoading(t *testing.T) {
	for _, export := range []string{abi.ExportInitialize, abi.ExportDescribe, abi.ExportBuffer, abi.ExportConfigure} {
		t.Run(export, func(t *testing.T) {
			before := faults(t, "missing_module")
			h := newHarnessOf(t, wt.NewPolicy().Body(export, wt.Unreachable()), nil)
			for point, got := range h.statuses(somePod("p")) {
				if !strings.HasPrefix(got, "Error: the policy has no working module: file ") || !strings.Contains(got, "trap in ") {
					t.Errorf("%s: %q, want a missing module because of a trap", point, got)
				}
			}
			if got := faults(t, "missing_module") - before; got != 1 {
				t.Errorf("%d attempts without a module were counted, want 1", got)
			}
		})
	}
}

func wantEventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it did not happen within 10 s")
}

// Different pods that meet faults open the breaker: then the guest is not entered, until a probe
// shows that it works again.
func TestCircuitBreaker(t *testing.T) {
	// Filter divides by the pod's priority.
	p := wt.NewPolicy().Body(abi.ExportFilter, wt.Const(1), podPriority(), wt.Divide(), wt.Drop(), wt.Const(0))
	h := newHarnessOf(t, p, map[string]any{"circuitBreaker": map[string]any{"faults": 2, "backoff": "200ms"}})
	good := func(name string) *v1.Pod { return st.MakePod().Name(name).UID(name).Priority(1).Obj() }
	judge := func(pod *v1.Pod) string {
		a := h.attempt(pod)
		if s := a.preFilter(); s != "" {
			return s
		}
		return a.filterNode(h.nodes()[0])
	}
	const broken = "Error: trap in stowage_filter: wasm error: integer divide by zero"
	open := "Error: " + errOpen.Error()
	for i, step := range []struct {
		pod  *v1.Pod
		want string
	}{
		{good("good"), ""},
		{somePod("poison"), broken},
		{somePod("poison"), broken}, // once more is not another pod
		{good("good"), ""},
		{somePod("other"), broken},
		{good("good"), open},
		{somePod("poison"), open},
	} {
		if got := judge(step.pod); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	wantEventually(t, func() bool { return judge(good("probe")) == "" })
	if got := judge(somePod("poison")); got != broken {
		t.Errorf("after the probe: %q, want %q", got, broken)
	}
	want := []string{
		"Warning PolicyCircuitOpened Policy policy is not asked for a while, because it broke down too often; until then its pods are not placed",
		"Normal PolicyCircuitClosed Policy policy works again",
	}
	if diff := cmp.Diff(want, h.drainEvents()); diff != "" {
		t.Errorf("events (-want,+got):\n%s", diff)
	}
}

// With Ignore the pod is told that a policy was left out.
func TestIgnoredFaultIsAnEvent(t *testing.T) {
	h := newHarnessOf(t, wt.NewPolicy().Body(abi.ExportFilter, wt.Unreachable()), map[string]any{"failurePolicy": "Ignore"})
	h.filter(somePod("p"))
	want := []string{"Warning PolicyIgnored Policy policy was ignored: trap in stowage_filter: wasm error: unreachable"}
	if diff := cmp.Diff(want, h.drainEvents()); diff != "" {
		t.Errorf("events (-want,+got):\n%s", diff)
	}
}

// A guest that would use more fuel than time is ended by the clock, and one that finds no time
// left is not entered.
func TestDeadline(t *testing.T) {
	endless := wt.NewPolicy().Body(abi.ExportFilter, wt.Loop(wt.Br(0)), wt.Const(0))
	h := newHarnessOf(t, endless, map[string]any{"limits": map[string]any{
		"deadline": "20ms", "fuel": map[string]any{"perCall": 1_000_000_000_000},
	}})
	began := time.Now()
	got := h.attempt(somePod("p"))
	got.preFilter()
	if s := got.filterNode(h.nodes()[0]); !strings.HasPrefix(s, "Error: deadline exceeded in stowage_filter: after ") {
		t.Errorf("status = %q, want a deadline exceeded", s)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the guest ran for %v", took)
	}
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{}
		_, until, ok := c.start(time.Second)
		if left := time.Until(until); !ok || left != time.Second {
			t.Errorf("first call: %v left, %t", left, ok)
		}
		time.Sleep(300 * time.Millisecond)
		if _, until, ok = c.start(time.Second); !ok || time.Until(until) != 700*time.Millisecond {
			t.Errorf("beside the first: %v left, %t, want 700ms", time.Until(until), ok)
		}
		time.Sleep(200 * time.Millisecond)
		c.stop(time.Now())
		time.Sleep(100 * time.Millisecond)
		c.stop(time.Now())
		time.Sleep(time.Hour) // nobody runs: no time is used
		if _, until, ok = c.start(time.Second); !ok || time.Until(until) != 400*time.Millisecond {
			t.Errorf("after both: %v left, %t, want 400ms", time.Until(until), ok)
		}
		time.Sleep(400 * time.Millisecond)
		c.stop(time.Now())
		if _, _, ok = c.start(time.Second); ok {
			t.Error("a call may start after the time is used up")
		}
	})
}

// Capabilities that are not granted keep the module from being loaded, with what to do.
func TestCapabilities(t *testing.T) {
	logs := wt.NewPolicy()
	logs.Import(abi.ImportModule, abi.ImportLog, 3)
	reads := wt.NewPolicy()
	reads.Descriptor.Reads = abi.NodePods | abi.NodeAnnotations
	for name, tc := range map[string]struct {
		policy  *wt.Policy
		granted []string
		want    []string
	}{
		"imports": {logs, []string{"metrics"}, []string{`stowage.log`, `capability "log"`, "capabilities"}},
		"parts":   {reads, []string{"nodePods"}, []string{`it reads nodeAnnotations, which needs capability "nodeAnnotations"`}},
		"granted": {reads, []string{"nodePods", "nodeAnnotations"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarnessOf(t, tc.policy, map[string]any{"capabilities": tc.granted})
			err := h.plugin.(interface{ LoadError() error }).LoadError()
			if (err != nil) != (tc.want != nil) {
				t.Fatalf("LoadError() = %v", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("LoadError() = %v, want it to contain %q", err, want)
				}
			}
		})
	}
}
