// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// testFaults checks that what a guest must not do fails the attempt and nothing else.
func testFaults(t *testing.T, s *suite) {
	p := s.policy
	s.cluster.Reset(scored(100))
	for _, point := range []string{"pre-filter", "filter", "pre-score", "score", "normalize"} {
		t.Run("panic in "+point, func(t *testing.T) {
			status := firstFailure(p, asking(somePod(), point, "panic"))
			if export := "stowage_" + strings.ReplaceAll(point, "-", "_"); !strings.Contains(status, " in "+export) {
				t.Errorf("got %q, want a fault in %s", status, export)
			}
			wantHealthy(t, p)
		})
	}
	for name, tc := range map[string]struct{ score, how string }{
		"score above the range":        {"101", "success"},
		"score below the range":        {"-1", "success"},
		"normalized above the range":   {"-1", "reverse"},
		"normalized below the range":   {"101", "reverse"},
		"a score that is out of reach": {"9223372036854775807", "success"},
	} {
		t.Run(name, func(t *testing.T) {
			s.cluster.SetNode(node("n007", "odd", tc.score))
			status := firstFailure(p, asking(somePod(), "score-label", "odd", "normalize", tc.how))
			if want := "NormalizeScore: Error: ABI violation in stowage_normalize_score: score "; !strings.HasPrefix(status, want) {
				t.Errorf("got %q, want %q", status, want)
			}
			wantHealthy(t, p)
		})
	}
	t.Run("state over the limit", func(t *testing.T) {
		status := firstFailure(p, asking(somePod(), "state", strings.Repeat("x", 64<<10+1)))
		if want := "Error: ABI violation in stowage_pre_filter: state of 65537 bytes"; !strings.HasPrefix(status, want) {
			t.Errorf("got %q, want %q", status, want)
		}
		wantHealthy(t, p)
	})
}

// firstFailure is the first status of an attempt that is not a success; "" if there is none.
func firstFailure(p *policytest.Policy, pod *v1.Pod) string {
	a := p.Start(pod)
	if _, status := a.PreFilter(); status != "" {
		return status
	}
	for _, info := range a.Nodes {
		if status := a.Filter(info); status != "" {
			return status
		}
	}
	_, status := a.Scores(a.Nodes)
	return status
}

func wantHealthy(t *testing.T, p *policytest.Policy) {
	t.Helper()
	if status := firstFailure(p, asking(somePod())); status != "" {
		t.Errorf("the next attempt: %s", status)
	}
}
