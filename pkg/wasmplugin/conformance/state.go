// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// testState checks that what PreFilter leaves comes back in Filter, to the attempt that it
// belongs to.
func testState(t *testing.T, s *suite) {
	p := s.policy
	s.cluster.Reset(scored(3))
	for name, tc := range map[string]struct{ state, want string }{
		"none":              {"", ""},
		"a byte":            {"x", "x"},
		"bytes of any kind": {"ä\x00\n🚢", "ä  🚢"},
		"as much as may be": {strings.Repeat("s", 64<<10), strings.Repeat("s", maxReason)},
	} {
		t.Run(name, func(t *testing.T) {
			a := begin(t, p, asking(somePod(), "state", tc.state, "echo", "state"))
			if diff := cmp.Diff(onAll(a, refused(tc.want)), a.FilterAll()); diff != "" {
				t.Errorf("state (-want,+got):\n%s", diff)
			}
		})
	}
	t.Run("attempts in turns", func(t *testing.T) { testTurns(t, p) })
	t.Run("a clone, as in preemption", func(t *testing.T) {
		a := begin(t, p, asking(somePod(), "state", "kept", "echo", "state"))
		a.State = a.State.Clone()
		if got := a.Filter(withPod(t, a.Nodes[0], somePod())); got != refused("kept") {
			t.Errorf("got %q, want %q", got, refused("kept"))
		}
	})
}

// testTurns lets guests serve several attempts node by node: of pods that differ in state, in
// fields, and in nothing but the bytes at one place.
func testTurns(t *testing.T, p *policytest.Policy) {
	attempts := map[string]*policytest.Attempt{}
	for _, state := range []string{"one", "two", "", "a state of another length"} {
		attempts[state] = begin(t, p, asking(somePod(), "state", state, "echo", "state"))
	}
	for i := range 3 {
		for state, a := range attempts {
			if got := a.Filter(a.Nodes[i]); got != refused(state) {
				t.Errorf("node %d: got %q, want %q", i, got, refused(state))
			}
		}
	}
}
