// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package methods

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// TestVariantsDecideAlike guards the comparison: what decides otherwise is not the same policy.
func TestVariantsDecideAlike(t *testing.T) {
	module, err := world.Module(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(t.Context(), 200, module)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range 10 {
		want := decide(t, b, 0, i)
		if len(want) == 0 || len(want) == 200 {
			t.Fatalf("pod %d: %d of 200 nodes pass; the filter shows nothing", i, len(want))
		}
		for at, v := range b.Variants {
			wanted := want
			if v.Name == "extender" {
				wanted = coarse(want)
			}
			if diff := cmp.Diff(wanted, decide(t, b, at, i)); diff != "" {
				t.Errorf("pod %d: %s (-want,+got):\n%s", i, v.Name, diff)
			}
		}
		b.touch(i)
	}
}

func decide(t *testing.T, b *Bench, variant, pod int) Decision {
	t.Helper()
	d, err := b.Variants[variant].Decide(t.Context(), world.Pod(pod))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// coarse is a decision in an extender's scores.
func coarse(d Decision) Decision {
	c := Decision{}
	for name, n := range d {
		c[name] = n * extenderv1.MaxExtenderPriority / fwk.MaxScore
	}
	return c
}

func TestRunTimesEveryVariant(t *testing.T) {
	module, err := world.Module(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(t.Context(), 20, module)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := b.Run(t.Context(), 16); err != nil {
		t.Fatal(err)
	}
	r := b.Report()
	for _, v := range b.Variants {
		if got, ok := r.Get("filter_score_" + v.Name); !ok || got <= 0 {
			t.Errorf("filter_score_%s = %v, want a time", v.Name, got)
		}
	}
	if r.Ratios["filter_score_go_over_native"] <= 0 {
		t.Errorf("ratios = %v", r.Ratios)
	}
}
