// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// other is the probe with another rule, as a canary or a shadow is configured.
func other(t *testing.T, rule string, more ...any) map[string]any {
	t.Helper()
	fields := map[string]any{
		"module": map[string]any{"file": map[string]any{"path": wt.Path(t, probe)}},
		"config": map[string]any{"raw": true, "scoreLabel": rule},
	}
	for i := 0; i < len(more); i += 2 {
		fields[more[i].(string)] = more[i+1]
	}
	return fields
}

// podOfUID is a pod in a namespace.
func podOfUID(namespace, uid string) *v1.Pod {
	pod := somePod("p-" + uid)
	pod.Namespace, pod.UID = namespace, types.UID(uid)
	return pod
}

// scoresOf has the policy score the nodes for a pod, in one attempt.
func (h *harness) scoresOf(pod *v1.Pod) []int64 {
	h.Helper()
	a := h.attempt(pod)
	if s := a.preFilter(); s != "" {
		h.Errorf("PreFilter: %s", s)
	}
	return a.scores()
}

// A canary answers for about its share of the pods, and for the same ones each time.
func TestCanaryPercent(t *testing.T) {
	h := scored(t, map[string]any{"canary": other(t, "right", "percent", 30)})
	const pods = 400
	chosen := map[string]bool{}
	for round := range 2 {
		for n := range pods {
			uid := fmt.Sprintf("uid-%d", n)
			got := h.scoresOf(podOfUID("default", uid))
			canary := slices.Equal(got, []int64{2})
			if !canary && !slices.Equal(got, []int64{1}) {
				t.Fatalf("scores of pod %s are %v, want all 1 or all 2", uid, got)
			}
			if round > 0 && canary != chosen[uid] {
				t.Errorf("pod %s is asked about at another one than before", uid)
			}
			chosen[uid] = canary
		}
	}
	n := 0
	for _, canary := range chosen {
		if canary {
			n++
		}
	}
	if n < pods/5 || n > pods*2/5 {
		t.Errorf("the canary answers for %d of %d pods, want about 30 %%", n, pods)
	}
	roles := ""
	for _, s := range h.policy().host.Policies() {
		roles += fmt.Sprintf("%s %s %s;", s.Policy, s.Role, s.Loading.State)
	}
	if want := "policy  Active;policy canary Active;"; roles != want {
		t.Errorf("policies are %q, want %q", roles, want)
	}
}

// Which policy answers does not change within an attempt, even if labels of the namespace do.
func TestCanaryNamespaces(t *testing.T) {
	h := scored(t, map[string]any{"canary": other(t, "right", "namespaceSelector", map[string]any{"matchLabels": map[string]any{"try": "new"}})})
	factory := h.framework.SharedInformerFactory()
	namespaces := factory.Core().V1().Namespaces().Informer()
	label := func(value string) {
		ns := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team", Labels: map[string]string{"try": value}}}
		if err := namespaces.GetStore().Update(ns); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, got []int64, want int64) {
		t.Helper()
		if !slices.Equal(got, []int64{want}) {
			t.Errorf("%s: scores are %v, want all %d", what, got, want)
		}
	}
	pod := podOfUID("team", "1")
	want("a namespace that is not known", h.scoresOf(pod), 1)
	label("old")
	want("another label", h.scoresOf(pod), 1)
	label("new")
	want("selected", h.scoresOf(pod), 2)
	a := h.attempt(pod)
	a.preFilter()
	label("old")
	want("an attempt that began before", a.scores(), 2)
}

// A canary without a module follows failurePolicy for its pods only.
func TestCanaryWithoutModule(t *testing.T) {
	fields := other(t, "right", "percent", 50)
	fields["module"] = map[string]any{"file": map[string]any{"path": t.TempDir() + "/later.wasm"}}
	h := scored(t, map[string]any{"canary": fields})
	failed, passed := 0, 0
	for n := range 50 {
		pod := podOfUID("default", fmt.Sprint(n))
		_, s := h.plugin.(fwk.PreFilterPlugin).PreFilter(h.ctx, h.attempt(pod).state, pod, h.nodes())
		switch {
		case s.IsSuccess():
			passed++
		case strings.Contains(s.Message(), "later.wasm"):
			failed++
		default:
			t.Errorf("PreFilter: %s", describe(s))
		}
	}
	if failed < 10 || passed < 10 {
		t.Errorf("%d failed and %d passed, want about half of each", failed, passed)
	}
	if err := h.policy().host.Ready(); err == nil || !strings.Contains(err.Error(), "policy/canary") {
		t.Errorf("readiness is %v, want the canary's name", err)
	}
}

// differences is what the policy's shadow decided otherwise.
func (h *harness) differences() (list []string) {
	for _, d := range h.policy().shadow.differences() {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s, %s", d.Point, d.Pod, d.Node, d.Policy, d.Shadow)))
	}
	return list
}

func wantMatches(t *testing.T, got []string, want string) {
	t.Helper()
	if len(got) == 0 {
		t.Errorf("there are no differences, want some like %s", want)
	}
	for _, d := range got {
		if !regexp.MustCompile(want).MatchString(d) {
			t.Errorf("difference %q, want it to match %s", d, want)
		}
	}
}

// A shadow has no effect, and its decisions are kept where they differ.
func TestShadow(t *testing.T) {
	h := scored(t, map[string]any{"shadow": other(t, "score")})
	if got := h.scoresOf(somePod("p")); !slices.Equal(got, []int64{1}) {
		t.Errorf("scores are %v, want all 1", got)
	}
	h.setRule("score")
	wantGeneration(t, h.policy(), 2)
	h.scoresOf(somePod("q"))
	wantMatches(t, h.differences(), `^PreScore /p : n\d+, n19$`)
	if h.policy().shadow.retired.count() != 0 {
		t.Error("the shadow has the policy's config, though it has its own")
	}
}

// What breaks a shadow, or rejects everything in it, breaks nothing else.
func TestShadowThatBreaks(t *testing.T) {
	breaks := wt.NewPolicy().Body(abi.ExportFilter, wt.Unreachable()).Bytes()
	refuses := wt.NewPolicy().Body(abi.ExportPreFilter, wt.Const(uint32(abi.Unschedulable))).Bytes()
	for name, tc := range map[string]struct {
		module []byte
		want   string
	}{
		"breaks":  {breaks, `^Filter /p n\d+: pass, fail$`},
		"refuses": {refuses, `^PreFilter /p : pass, reject$`},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/shadow.wasm"
			put(t, path, tc.module)
			fields := other(t, "left")
			fields["module"] = map[string]any{"file": map[string]any{"path": path}}
			h := scored(t, map[string]any{"shadow": fields})
			for node, s := range h.filter(somePod("p")) {
				if s != "" {
					t.Errorf("%s: %s", node, s)
				}
			}
			wantMatches(t, h.differences(), tc.want)
			if err := h.policy().host.Ready(); err != nil {
				t.Errorf("not ready: %v", err)
			}
		})
	}
}
