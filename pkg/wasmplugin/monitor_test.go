// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Whatever a monitored policy says or does at any point, the framework hears the same, and asks
// for no score.
func TestMonitoredPolicyHasNoEffect(t *testing.T) {
	want := map[string]string{"PreFilter": "", "Filter": "", "PreScore": "Skip: "}
	says := map[string][]byte{"trap": wt.Unreachable(), "no time": wt.Code(wt.Loop(wt.Br(0)), wt.Const(0))}
	for code := range uint32(9) {
		says[fmt.Sprintf("code %d", code)] = wt.Const(code)
	}
	for _, export := range []string{
		abi.ExportPreFilter, abi.ExportFilter, abi.ExportPreScore, abi.ExportScore, abi.ExportNormalizeScore,
	} {
		for name, body := range says {
			t.Run(export+" "+name, func(t *testing.T) {
				for _, failurePolicy := range []string{"Fail", "Ignore"} {
					h := newHarnessOf(t, wt.NewPolicy().Body(export, body), map[string]any{
						"mode": "Monitor", "failurePolicy": failurePolicy,
						"limits": map[string]any{"fuel": map[string]any{"perCall": 100_000, "perNode": 0}},
					})
					if diff := cmp.Diff(want, h.statuses(somePod("p"))); diff != "" {
						t.Errorf("%s (-want,+got):\n%s", failurePolicy, diff)
					}
					if got := h.drainEvents(); len(got) > 0 {
						t.Errorf("events: %q", got)
					}
				}
			})
		}
	}
}

// What the policy would have done is counted.
func TestMonitoredDecisionsAreCounted(t *testing.T) {
	for name, tc := range map[string]struct {
		policy *wt.Policy
		want   map[string]int
	}{
		"passes": {wt.NewPolicy(), map[string]int{"PreFilter/pass": 1, "Filter/pass": 1, "PreScore/prefer": 1}},
		"rejects": {
			wt.NewPolicy().Body(abi.ExportPreFilter, wt.Const(uint32(abi.Unschedulable))),
			map[string]int{"PreFilter/reject": 1, "Filter/pass": 1, "PreScore/prefer": 1},
		},
		"skips": {
			wt.NewPolicy().Body(abi.ExportPreFilter, wt.Const(uint32(abi.Skip))).Body(abi.ExportPreScore, wt.Const(uint32(abi.Skip))),
			map[string]int{"PreFilter/skip": 1, "PreScore/skip": 1},
		},
		"breaks": {
			wt.NewPolicy().Body(abi.ExportFilter, wt.Unreachable()),
			map[string]int{"PreFilter/pass": 1, "Filter/fail": 1, "PreScore/fail": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarnessOf(t, tc.policy, map[string]any{"mode": "Monitor"})
			before := decisions(t)
			h.statuses(somePod("p"))
			got := map[string]int{}
			for key, n := range decisions(t) {
				if n -= before[key]; n > 0 {
					got[key] = n
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("decisions (-want,+got):\n%s", diff)
			}
		})
	}
}
