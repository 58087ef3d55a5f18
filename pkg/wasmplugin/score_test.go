// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
)

func TestScores(t *testing.T) {
	h := newHarness(t, zoned(5))
	for name, tc := range map[string]struct {
		pod  *v1.Pod
		want map[string]int64
		fail string
	}{
		"normalized": {
			pod:  st.MakePod().Name("p").Obj(),
			want: map[string]int64{"n0": 0, "n1": 25, "n2": 50, "n3": 75, "n4": 100},
		},
		"any raw score may be normalized": {
			pod:  st.MakePod().Name("p").Label("probe/offset", "1000000").Obj(),
			want: map[string]int64{"n0": 99, "n1": 99, "n2": 99, "n3": 99, "n4": 100},
		},
		"normalized out of range": {
			pod:  st.MakePod().Name("p").Label("probe/offset", "minus-1").Obj(),
			fail: "NormalizeScore: Error: ABI violation in stowage_normalize_score: score -33 is not in [0, 100]",
		},
		"skip": {
			pod:  st.MakePod().Name("p").Label("probe/skip", "prescore").Obj(),
			fail: "PreScore: Skip: ",
		},
		"error": {
			pod:  st.MakePod().Name("p").Label("probe/error", "score").Obj(),
			fail: "PreScore: Error: the pod asked for an error in score",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := h.attempt(tc.pod)
			if s := a.preFilter(); s != "" {
				t.Fatal(s)
			}
			got, fail := a.score(h.nodes())
			if fail != tc.fail {
				t.Fatalf("got %q, want %q", fail, tc.fail)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("scores (-want,+got):\n%s", diff)
			}
		})
	}
}

// What opportunistic batching does: PreScore on a clone of the state, Score for one node only,
// NormalizeScore over nodes of earlier attempts, some of which may be gone.
func TestScoreInTheOrderOfBatching(t *testing.T) {
	h := newHarness(t, zoned(5))
	a := h.attempt(st.MakePod().Name("p").Obj())
	if s := a.preFilter(); s != "" {
		t.Fatal(s)
	}
	if s := a.filterNode(h.nodes()[0]); s != "" {
		t.Fatal(s)
	}
	live := a.state
	a.state = live.Clone()
	list := h.nodes()
	plugin := h.plugin.(*filterScorePlugin)
	if s := plugin.PreScore(h.ctx, a.state, a.pod, list[:2]); !s.IsSuccess() {
		t.Fatal(describe(s))
	}
	for _, info := range list {
		want := map[string]int64{"n0": 0, "n1": 1, "n2": 2, "n3": 3, "n4": 4}[info.Node().Name]
		if got, s := plugin.Score(h.ctx, a.state, a.pod, info); got != want || !s.IsSuccess() {
			t.Errorf("score of %s: got %d %q, want %d", info.Node().Name, got, describe(s), want)
		}
	}
	scores := fwk.NodeScoreList{{Name: "n4", Score: 4}, {Name: "gone", Score: 8}}
	if s := plugin.NormalizeScore(h.ctx, a.state, a.pod, scores); !s.IsSuccess() {
		t.Fatal(describe(s))
	}
	want := fwk.NodeScoreList{{Name: "n4", Score: 50}, {Name: "gone", Score: 100}}
	if diff := cmp.Diff(want, scores); diff != "" {
		t.Errorf("normalized (-want,+got):\n%s", diff)
	}
	if _, s := plugin.Score(h.ctx, live, a.pod, list[0]); describe(s) != "Error: Score was called without PreScore" {
		t.Errorf("on the live state: %q", describe(s))
	}
}

// A node without pods, as HTTP extenders substitute it, is scored as it is given.
func TestScoreOfSubstitutedNode(t *testing.T) {
	h := newHarness(t, zoned(2))
	a := h.attempt(st.MakePod().Name("p").Obj())
	if s := a.preFilter(); s != "" {
		t.Fatal(s)
	}
	other := framework.NewNodeInfo()
	other.SetNode(st.MakeNode().Name("n1").Label("score", "7").Obj())
	got, fail := a.score([]fwk.NodeInfo{other})
	if want := map[string]int64{"n1": 100}; fail != "" || !cmp.Equal(want, got) {
		t.Errorf("got %v %q, want %v", got, fail, want)
	}
	if score, _ := h.plugin.(fwk.ScorePlugin).Score(h.ctx, a.state, a.pod, other); score != 7 {
		t.Errorf("raw score %d, want 7", score)
	}
}
