// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// testConfig checks that the operator's config arrives as it was written, or is refused.
func testConfig(t *testing.T, s *suite) {
	s.cluster.Reset(scored(1))
	t.Run("none", func(t *testing.T) {
		if got := echo(t, s.policy, "config")["n000"]; got != refused("{}") {
			t.Errorf("got %q, want %q", got, refused("{}"))
		}
	})
	for name, tc := range map[string]struct{ config, want string }{
		"verbatim": {`{ "b":1,"a" : [ true, null, 1e3 ], "text": "ä \u00e4 <&> 日本語 🚢" }`, `{ "b":1,"a" : [ true, null, 1e3 ], "text": "ä \u00e4 <&> 日本語 🚢" }`},
		"long":     {`{"x":"` + strings.Repeat("y", 300<<10) + `"}`, `{"x":"` + strings.Repeat("y", maxReason-6)},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.cluster.MustLoad(s.module, tc.config)
			if diff := cmp.Diff(map[string]string{"n000": refused(tc.want)}, echo(t, p, "config")); diff != "" {
				t.Errorf("config (-want,+got):\n%s", diff)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		_, err := s.cluster.Load(s.module, `{"refuse":"zöne is missing"}`)
		if want := "the policy refuses its config: zöne is missing"; err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	})
}

// maxReason is how many bytes of a reason the host keeps.
const maxReason = 1 << 10

// testTexts checks reasons and log lines of any content.
func testTexts(t *testing.T, s *suite) {
	p := s.policy
	s.cluster.Reset(scored(3))
	for name, tc := range map[string]struct{ reason, want string }{
		"unicode":           {"keine Zöne, 没有区域, 🚢", "keine Zöne, 没有区域, 🚢"},
		"control bytes":     {"a\tb\nc\x00d", "a b c d"},
		"colons":            {"a: b: c", "a: b: c"},
		"as long as it may": {strings.Repeat("x", maxReason), strings.Repeat("x", maxReason)},
		"too long":          {strings.Repeat("x", 2<<10), strings.Repeat("x", maxReason)},
		"cut in a letter":   {"x" + strings.Repeat("ä", 1<<10), "x" + strings.Repeat("ä", maxReason/2-1) + "?"},
		"very long":         {strings.Repeat("0123456789abcdef", 16<<10), strings.Repeat("0123456789abcdef", maxReason/16)},
	} {
		t.Run("reason: "+name, func(t *testing.T) {
			a := begin(t, p, asking(somePod(), "filter", "unschedulable: "+tc.reason))
			if diff := cmp.Diff(onAll(a, refused(tc.want)), a.FilterAll()); diff != "" {
				t.Errorf("filter (-want,+got):\n%s", diff)
			}
		})
	}
	for name, line := range map[string]string{"plain": "a line from the guest", "unicode": "Zöne 没有 🚢"} {
		t.Run("log: "+name, func(t *testing.T) {
			begin(t, p, asking(somePod(), "log", line))
			if got := s.cluster.Logged(); !strings.Contains(got, line) {
				t.Errorf("the scheduler's log has no %q:\n%s", line, got)
			}
		})
	}
	t.Run("a long name", func(t *testing.T) {
		long := strings.Repeat("a-label-of-a-name.", 14) + "n"
		s.cluster.SetNode(node(long, "k", "v"))
		defer s.cluster.RemoveNode(long)
		if got := echo(t, p, "node.name")[long]; got != refused(long) {
			t.Errorf("got %q, want %q", got, refused(long))
		}
	})
	t.Run("a large pod", func(t *testing.T) { testLargePod(t, p) })
}

// testLargePod asks for what stands behind a lot of other bytes, and for small things after it.
func testLargePod(t *testing.T, p *policytest.Policy) {
	pod := asking(somePod(), "echo", "pod.labels")
	pod.Annotations["big"] = strings.Repeat("z", 250<<10)
	pod.Labels = map[string]string{"after": "the annotations"}
	for _, want := range []string{`"after"="the annotations"`, ""} {
		a := begin(t, p, pod)
		if diff := cmp.Diff(onAll(a, refused(want)), a.FilterAll()); diff != "" {
			t.Errorf("pod.labels (-want,+got):\n%s", diff)
		}
		pod = asking(somePod(), "echo", "pod.labels")
	}
}
