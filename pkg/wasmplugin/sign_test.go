// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

func TestSignPod(t *testing.T) {
	for name, tc := range map[string]struct {
		priority int32
		prepare  func(*harness)
		// wantSigned is the signature without the module's digest.
		wantSigned, want string
	}{
		"signed":       {priority: 7, wantSigned: "/BwAAAA"},
		"refused":      {priority: refused, want: "Unschedulable: "},
		"no signature": {priority: 0, want: "Unschedulable: " + noSignature},
		"fault":        {priority: poison, want: "Unschedulable: trap in stowage_sign: wasm error: unreachable"},
		"no module":    {prepare: (*harness).without, want: "Unschedulable: " + errMissing.Error()},
		"open breaker": {prepare: (*harness).openBreaker, want: "Unschedulable: " + errOpen.Error()},
		"no signer": {want: "Unschedulable: " + noSigner, prepare: func(h *harness) {
			h.policy().module.Load().about.Points &^= abi.PointSign
		}},
	} {
		for _, policy := range []string{"Fail", "Ignore"} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				h := newHarnessOf(t, queuer(), map[string]any{"failurePolicy": policy})
				digest := h.policy().module.Load().digest
				if tc.prepare != nil {
					tc.prepare(h)
				}
				var want []fwk.SignFragment
				if tc.wantSigned != "" {
					want = []fwk.SignFragment{{Key: "stowage.dev/policy", Value: digest + "/1" + tc.wantSigned}}
				}
				got, status := h.plugin.(fwk.SignPlugin).SignPod(h.ctx, podWithPriority(tc.priority))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("fragments (-want,+got):\n%s", diff)
				}
				if diff := cmp.Diff(tc.want, describe(status)); diff != "" {
					t.Errorf("status (-want,+got):\n%s", diff)
				}
			})
		}
	}
}

// A fault is made known, though nothing depends on it.
func TestSignFaultsAreReported(t *testing.T) {
	h, before := newHarnessOf(t, queuer(), nil), faults(t, "trap")
	if _, status := h.plugin.(fwk.SignPlugin).SignPod(h.ctx, podWithPriority(poison)); status.IsSuccess() {
		t.Error("the pod is signed")
	}
	if got := faults(t, "trap") - before; got != 1 {
		t.Errorf("%d faults, want 1", got)
	}
}
