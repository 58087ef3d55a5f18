// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"math"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// attempted is all that comes of an attempt.
type attempted struct {
	PreFilter string
	// Subset is the nodes that PreFilter restricts the pod to; nil for no restriction.
	Subset []string
	// Filter is the status of each node, empty if PreFilter was no success.
	Filter map[string]string
	Scores map[string]int64
	// Scoring is the status that ended scoring.
	Scoring string
}

// attempt runs every point as the scheduler does, but on all nodes.
func attempt(p *policytest.Policy, pod *v1.Pod) (got attempted) {
	a := p.Start(pod)
	if got.Subset, got.PreFilter = a.PreFilter(); got.PreFilter == "" {
		got.Filter = a.FilterAll()
		got.Scores, got.Scoring = a.Scores(a.Nodes)
	}
	return got
}

// testOutcomes checks codes and reasons of every point.
func testOutcomes(t *testing.T, s *suite) {
	s.cluster.Reset(scored(2))
	on := func(v string) map[string]string { return map[string]string{"n000": v, "n001": v} }
	passed, noScores := on(""), map[string]int64{"n000": 0, "n001": 0}
	all := []string{"n000", "n001"}
	for name, tc := range map[string]struct {
		point, outcome string
		want           attempted
	}{
		"pre-filter skip":             {"pre-filter", "skip", attempted{PreFilter: "Skip"}},
		"pre-filter error":            {"pre-filter", "error: why", attempted{PreFilter: "Error: why"}},
		"pre-filter unschedulable":    {"pre-filter", "unschedulable: why", attempted{PreFilter: "Unschedulable: why"}},
		"pre-filter unresolvable":     {"pre-filter", "unresolvable: why", attempted{PreFilter: "UnschedulableAndUnresolvable: why"}},
		"pre-filter without a reason": {"pre-filter", "unschedulable", attempted{PreFilter: "Unschedulable"}},
		"subset of one":               {"pre-filter", "only n001", attempted{Subset: all[1:], Filter: passed, Scores: noScores}},
		"subset of all":               {"pre-filter", "only n001,n000", attempted{Subset: all, Filter: passed, Scores: noScores}},
		"subset of none":              {"pre-filter", "only", attempted{Subset: []string{}, Filter: passed, Scores: noScores}},
		"filter error":                {"filter", "error: why", attempted{Filter: on("Error: why"), Scores: noScores}},
		"filter unschedulable":        {"filter", "unschedulable: why", attempted{Filter: on("Unschedulable: why"), Scores: noScores}},
		"filter unresolvable":         {"filter", "unresolvable: why", attempted{Filter: on("UnschedulableAndUnresolvable: why"), Scores: noScores}},
		"filter without a reason":     {"filter", "unresolvable", attempted{Filter: on("UnschedulableAndUnresolvable"), Scores: noScores}},
		"pre-score skip":              {"pre-score", "skip", attempted{Filter: passed, Scoring: "PreScore: Skip"}},
		"pre-score error":             {"pre-score", "error: why", attempted{Filter: passed, Scoring: "PreScore: Error: why"}},
		// All nodes are scored in PreScore.
		"score error":     {"score", "error: why", attempted{Filter: passed, Scoring: "PreScore: Error: why"}},
		"normalize error": {"normalize", "error: why", attempted{Filter: passed, Scoring: "NormalizeScore: Error: why"}},
		"success of each": {"filter", "success", attempted{Filter: passed, Scores: noScores}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, attempt(s.policy, asking(somePod(), tc.point, tc.outcome))); diff != "" {
				t.Errorf("attempt (-want,+got):\n%s", diff)
			}
		})
	}
}

// testScores checks that scores come back as the policy gave them, and what may become of them.
func testScores(t *testing.T, s *suite) {
	p := s.policy
	s.cluster.Reset([]*v1.Node{
		node("a", "s", "10", "t", "7", "max", strconv.Itoa(math.MaxInt64), "min", strconv.Itoa(math.MinInt64)),
		node("b", "s", "40", "t", "100"),
		node("c", "s", "0"),
	})
	for name, tc := range map[string]struct {
		label, how string
		want       map[string]int64
	}{
		"as they are":              {"s", "success", map[string]int64{"a": 10, "b": 40, "c": 0}},
		"the range's ends":         {"t", "success", map[string]int64{"a": 7, "b": 100, "c": 0}},
		"a label that nobody has":  {"u", "success", map[string]int64{"a": 0, "b": 0, "c": 0}},
		"normalized to the top":    {"s", "top", map[string]int64{"a": 25, "b": 100, "c": 0}},
		"normalized top of zeroes": {"u", "top", map[string]int64{"a": 0, "b": 0, "c": 0}},
		"reversed":                 {"s", "reverse", map[string]int64{"a": 90, "b": 60, "c": 100}},
	} {
		t.Run(name, func(t *testing.T) {
			a := begin(t, p, asking(somePod(), "score-label", tc.label, "normalize", tc.how))
			got, status := a.Scores(a.Nodes)
			if diff := cmp.Diff(tc.want, got); diff != "" || status != "" {
				t.Errorf("status %q, scores (-want,+got):\n%s", status, diff)
			}
		})
	}
	for label, want := range map[string]int64{"max": math.MaxInt64, "min": math.MinInt64} {
		t.Run("before normalizing: "+label, func(t *testing.T) {
			a := begin(t, p, asking(somePod(), "score-label", label))
			if got, status := a.RawScore(a.Node("a")); got != want || status != "" {
				t.Errorf("got %d %q, want %d", got, status, want)
			}
		})
	}
	t.Run("some nodes, in any order, one of them altered", func(t *testing.T) { testMixedScores(t, p) })
}

func testMixedScores(t *testing.T, p *policytest.Policy) {
	a := begin(t, p, asking(somePod(), "score-label", "s", "normalize", "top"))
	nodes := a.Nodes[:0:0]
	for _, name := range []string{"c", "a"} {
		nodes = append(nodes, a.Node(name))
	}
	nodes[1] = withPod(t, nodes[1], somePod())
	got, status := a.Scores(nodes)
	if diff := cmp.Diff(map[string]int64{"a": 100, "c": 0}, got); diff != "" || status != "" {
		t.Errorf("status %q, scores (-want,+got):\n%s", status, diff)
	}
}
