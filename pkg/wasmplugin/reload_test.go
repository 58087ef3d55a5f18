// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// put has the module of a policy in a file be another one, as an operator does it.
func put(t *testing.T, path string, module []byte) {
	t.Helper()
	next := filepath.Join(filepath.Dir(path), "next")
	if err := os.WriteFile(next, module, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// rulesMap is the config of a policy in a ConfigMap: which label of nodes is their score.
func rulesMap(label string) *v1.ConfigMap {
	return &v1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "stowage", Name: "rules"},
		Data:       map[string]string{"config.yaml": "raw: true\nscoreLabel: " + label + "\n"},
	}
}

// scored has a policy score nodes by a label, which setRule changes; all nodes have the same score by each.
func scored(t *testing.T, more map[string]any) *harness {
	t.Helper()
	var nodes []*v1.Node
	for _, n := range zoned(20) {
		n.Labels["left"], n.Labels["right"] = "1", "2"
		nodes = append(nodes, n)
	}
	h := newBareHarness(t, nodes)
	if _, err := h.client.CoreV1().ConfigMaps("stowage").Create(h.ctx, rulesMap("left"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	from := map[string]any{"configFrom": map[string]any{"configMap": map[string]any{"namespace": "stowage", "name": "rules", "key": "config.yaml"}}}
	host := NewHost()
	host.SetCacheDir(cacheDir)
	h.plugin = h.loadArgs(host, args(wt.Path(t, probe), from, more))
	if err := h.plugin.(interface{ LoadError() error }).LoadError(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *harness) setRule(label string) {
	h.Helper()
	if _, err := h.client.CoreV1().ConfigMaps("stowage").Update(h.ctx, rulesMap(label), metav1.UpdateOptions{}); err != nil {
		h.Fatal(err)
	}
}

// wantGeneration waits until a generation of the policy is active.
func wantGeneration(t *testing.T, p *policy, number int) {
	t.Helper()
	waitUntil(t, "the generation", func() bool {
		l := p.module.Load()
		return l != nil && l.number >= number
	})
}

// scores are the different scores of all nodes in an attempt.
func (a *podAttempt) scores() (different []int64) {
	a.Helper()
	got, problem := a.score(a.nodes())
	if problem != "" {
		a.Error(problem)
	}
	seen := map[int64]bool{}
	for _, s := range got {
		if !seen[s] {
			seen[s] = true
			different = append(different, s)
		}
	}
	return different
}

// An attempt ends with the generation that it began with; the next one has the new generation, and the old one
// goes when nothing needs it any more.
func TestAttemptsKeepTheirGeneration(t *testing.T) {
	h := scored(t, nil)
	p := h.policy()
	func() {
		begun := h.attempt(somePod("p"))
		begun.preFilter()
		h.setRule("right")
		wantGeneration(t, p, 2)
		later := h.attempt(somePod("q"))
		later.preFilter()
		if diff := cmp.Diff([]int64{2}, later.scores()); diff != "" {
			t.Errorf("scores of an attempt that began later (-want,+got):\n%s", diff)
		}
		if diff := cmp.Diff([]int64{1}, begun.scores()); diff != "" {
			t.Errorf("scores of an attempt that had begun (-want,+got):\n%s", diff)
		}
		if got := p.retired.count(); got != 1 {
			t.Errorf("%d generations are retired, want 1", got)
		}
	}()
	p.previous.Store(nil) // for which it would have to wait
	waitUntil(t, "the old generation's end", func() bool {
		runtime.GC()
		return p.retired.count() == 0
	})
}

// A pod that waits for long, and about which the queue asks each generation, keeps none of them.
func TestPendingPodsKeepNoGenerations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.wasm")
	variant := func(n int) []byte { return queuer().Text(strings.Repeat("x", n)).Bytes() }
	put(t, path, variant(1))
	h := newBareHarness(t, zoned(1))
	h.plugin = h.loadArgs(NewHost(), args(path))
	p, pod := h.policy(), podWithPriority(7)
	for n := 1; n <= 5; n++ {
		put(t, path, variant(n))
		wantGeneration(t, p, n)
		h.plugin.(fwk.PreEnqueuePlugin).PreEnqueue(h.ctx, pod)
		if _, s := h.plugin.(fwk.SignPlugin).SignPod(h.ctx, pod); !s.IsSuccess() {
			t.Fatalf("signing: %s", describe(s))
		}
	}
	p.letGo(4)
	waitUntil(t, "the old generations' end", func() bool {
		runtime.GC()
		return p.retired.count() == 0
	})
	runtime.KeepAlive(pod)
}

// The framework asks twice whether there is NormalizeScore, and calls what the second answer is.
func TestAnswersAreNotTakenBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.wasm")
	put(t, path, wt.NewPolicy().Bytes())
	h := newBareHarness(t, zoned(1))
	h.plugin = h.loadArgs(NewHost(), args(path))
	p, scores := h.policy(), h.plugin.(fwk.ScorePlugin)
	wantGeneration(t, p, 1)
	plain := wt.NewPolicy().Without(abi.ExportNormalizeScore)
	plain.Descriptor.Points &^= abi.PointNormalizeScore
	put(t, path, plain.Bytes())
	wantGeneration(t, p, 2)
	p.letGo(1)
	if scores.ScoreExtensions() == nil {
		t.Error("an attempt that began before can no longer normalize its scores")
	}
	a := h.attempt(somePod("p"))
	a.preFilter()
	if _, problem := a.score(a.nodes()); problem != "" {
		t.Errorf("an attempt of a generation that does not normalize: %s", problem)
	}
}

// While generations come and go attempts neither fail nor mix them, and nothing remains of those that went.
func TestReloadsWhileScheduling(t *testing.T) {
	h := scored(t, nil)
	p := h.policy()
	stop := make(chan struct{})
	var scheduling sync.WaitGroup
	attempts := 0
	scheduling.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			a := h.attempt(somePod("p"))
			if s := a.preFilter(); s != "" {
				t.Errorf("PreFilter: %s", s)
			}
			for _, info := range a.nodes() {
				if s := a.filterNode(info); s != "" {
					t.Errorf("Filter: %s", s)
				}
			}
			if got := a.scores(); len(got) != 1 {
				t.Errorf("the scores of one attempt are of several generations: %v", got)
			}
			attempts++
		}
	})
	reload := func(n int) {
		h.setRule([]string{"left", "right"}[n%2])
		wantGeneration(t, p, n+1)
	}
	for n := 1; n <= 3; n++ {
		reload(n)
	}
	goroutines, maps := runtime.NumGoroutine(), mappings()
	for n := 4; n <= 20; n++ {
		reload(n)
	}
	close(stop)
	scheduling.Wait()
	t.Logf("%d attempts", attempts)
	p.previous.Store(nil)
	waitUntil(t, "the old generations' end", func() bool {
		runtime.GC()
		return p.retired.count() == 0
	})
	wantSettled(t, "goroutines", runtime.NumGoroutine, goroutines+2)
	wantSettled(t, "mappings", mappings, maps+10)
}

// Whatever is wrong with a new module, the one that works stays, and status says why.
func TestBadReloads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.wasm")
	good := wt.NewPolicy()
	put(t, path, good.Bytes())
	h := newBareHarness(t, zoned(3))
	host := NewHost()
	host.retry = 10 * time.Millisecond
	h.plugin = h.loadArgs(host, args(path, map[string]any{"capabilities": []string{"bind"}}))
	p := h.policy()
	wantGeneration(t, p, 1)
	reserves := wt.NewPolicy()
	reserves.Descriptor.Points |= bindMask
	for _, export := range bindExports {
		reserves.Body(export, wt.Const(uint32(abi.Success)))
	}
	outdated := wt.NewPolicy()
	outdated.Descriptor.Major++
	for name, tc := range map[string]struct {
		module       []byte
		reason, want string
	}{
		"garbage":         {[]byte("garbage"), "module", "not a usable module"},
		"another version": {outdated.Bytes(), "module", "rebuild it with a matching SDK"},
		"refuses config":  {wt.NewPolicy().Body(abi.ExportConfigure, wt.Const(uint32(abi.Error))).Bytes(), "module", "config"},
		"traps":           {wt.NewPolicy().Body(abi.ExportScore, wt.Unreachable()).Bytes(), "self_test", "stowage_score of a pod and a node of which nothing is known: trap"},
		"more points":     {reserves.Bytes(), "restart", "it answers Reserve to PostBind, which the policy did not when the scheduler started"},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, path, tc.module)
			waitUntil(t, "the problem", func() bool { return host.Policies()[0].Loading.Problem != "" })
			status := host.Policies()[0].Loading
			if status.Reason != tc.reason || !strings.Contains(status.Problem, tc.want) {
				t.Errorf("problem is %s: %s, want %s: %q", status.Reason, status.Problem, tc.reason, tc.want)
			}
			if got := h.statuses(somePod("p")); got["PreFilter"] != "" || p.module.Load().number != 1 {
				t.Errorf("generation %d: %v", p.module.Load().number, got)
			}
			if err := host.Ready(); err != nil {
				t.Errorf("not ready: %v", err)
			}
			put(t, path, good.Bytes())
			waitUntil(t, "its end", func() bool { return host.Policies()[0].Loading.Problem == "" })
		})
	}
	if got := p.module.Load().number; got != 1 {
		t.Errorf("generation %d is active, want the first", got)
	}
}

// The self-test is muted: what a guest asks of the host in it has no effect.
func TestSelfTestHasNoEffect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.wasm")
	put(t, path, wt.NewPolicy().Bytes())
	h := newBareHarness(t, zoned(3))
	h.plugin = h.loadArgs(NewHost(), args(path, map[string]any{"capabilities": []string{"sharedData"}}))
	p := h.policy()
	writes := wt.NewPolicy().Text("scored")
	set := writes.Import(abi.ImportModule, abi.ImportDataSet, 4, wt.I32)
	text := wt.Code(wt.Const(wt.TextAt), wt.Const(6))
	put(t, path, writes.Body(abi.ExportScore, text, text, wt.Call(set), wt.Drop(), wt.Const(0)).Bytes())
	wantGeneration(t, p, 2)
	if _, found := p.data.Get("scored"); found {
		t.Error("a guest that was only tried has left data")
	}
	a := h.attempt(somePod("p"))
	a.preFilter()
	if _, problem := a.score(a.nodes()); problem != "" {
		t.Fatal(problem)
	}
	if _, found := p.data.Get("scored"); !found {
		t.Error("a guest that is asked has left no data, so this test proves nothing")
	}
}
