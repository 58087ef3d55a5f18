// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"fmt"
	"strings"
	"testing"

	fwk "k8s.io/kube-scheduler/framework"
)

func TestReasonsAreBounded(t *testing.T) {
	r := &reasons{left: 1000}
	var first *outcome
	different, bytes := map[string]bool{}, 0
	for i := range 5000 {
		o := &outcome{fwk.Unschedulable, []string{fmt.Sprintf("%04d", i) + strings.Repeat("x", 96)}}
		if first == nil {
			first = o
		}
		got := r.bound(o)
		if got.code != fwk.Unschedulable {
			t.Fatalf("code of node %d = %v, want Unschedulable", i, got.code)
		}
		if reason := got.reasons[0]; !different[reason] {
			different[reason] = true
			bytes += len(reason)
		}
	}
	if len(different) != 11 || bytes > 1000+len(tooManyReasons) {
		t.Errorf("%d different reasons of %d bytes, want 10 and the one for the rest", len(different), bytes)
	}
	if r.bound(first) != first || r.bound(passes) != passes {
		t.Error("what was let through once is not any more")
	}
}
