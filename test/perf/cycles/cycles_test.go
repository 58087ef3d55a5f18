// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cycles

import (
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// TestRun schedules with each variant; that all pods are bound is checked by Run itself.
func TestRun(t *testing.T) {
	module, err := world.Module(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Variants {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), Options{Variant: name, Module: module, Nodes: 30, Pods: 20, Warmup: 2})
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{Throughput, Duration} {
				if got, ok := r.Get(want); !ok || got <= 0 {
					t.Errorf("%s = %v, want more than 0", want, got)
				}
			}
		})
	}
}

func TestRunRefusesUnknownVariants(t *testing.T) {
	_, err := Run(t.Context(), Options{Variant: "fast", Nodes: 1})
	if err == nil || !strings.Contains(err.Error(), `variant "fast" is not one of`) {
		t.Errorf("error = %v, want one that names the variants", err)
	}
}
