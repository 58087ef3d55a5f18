// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
)

func newBench(tb testing.TB, pods int) *Bench {
	tb.Helper()
	module, err := Module(tb.Context(), tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	b, err := New(tb.Context(), pods, module)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

// TestHintsAgree guards the comparison: what hints otherwise is not the same policy.
func TestHintsAgree(t *testing.T) {
	b := newBench(t, 1)
	hints, err := hintsOf(t.Context(), b.policy)
	if err != nil {
		t.Fatal(err)
	}
	if len(hints[registered]) != 1 {
		t.Fatalf("events = %v, want %v", hints, registered)
	}
	for name, change := range map[string]func(*v1.Pod, *v1.Node){
		"another zone": func(*v1.Pod, *v1.Node) {},
		"its zone":     func(pod *v1.Pod, _ *v1.Node) { pod.Labels[wantedZone] = "zone-0" },
		"any zone":     func(pod *v1.Pod, _ *v1.Node) { delete(pod.Labels, wantedZone) },
		"no zone":      func(_ *v1.Pod, node *v1.Node) { delete(node.Labels, v1.LabelTopologyZone) },
	} {
		t.Run(name, func(t *testing.T) {
			pod, node := b.pods[0].DeepCopy(), b.node.DeepCopy()
			change(pod, node)
			want, err := nativeHint(klog.Logger{}, pod, b.node, node)
			if err != nil {
				t.Fatal(err)
			}
			got, err := hints[registered][0].QueueingHintFn(klog.Logger{}, pod, b.node, node)
			if got != want || err != nil {
				t.Errorf("hint = %v, %v, want %v", got, err, want)
			}
		})
	}
}

func TestRunMeasures(t *testing.T) {
	b := newBench(t, 50)
	if err := b.Run(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	r := b.Report()
	for _, name := range []string{"preenqueue_ns", "sign_ns", "queuehint_ns", "queuehint_native_ns"} {
		if got, ok := r.Get(name); !ok || got <= 0 {
			t.Errorf("%s = %v, want a time", name, got)
		}
	}
	if r.Ratios["queuehint_over_native"] <= 0 {
		t.Errorf("ratios = %v", r.Ratios)
	}
}

// BenchmarkEvent is for profiles: -bench Event/wasm -cpuprofile wasm.out.
func BenchmarkEvent(b *testing.B) {
	bench := newBench(b, 10_000)
	for name, run := range map[string]func() error{
		"native":     func() error { return bench.eventNative(b.Context()) },
		"wasm":       func() error { return bench.eventWasm(b.Context()) },
		"preenqueue": func() error { return bench.preEnqueues(b.Context()) },
		"sign":       func() error { return bench.signs(b.Context()) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(bench.pods)), "ns/pod")
		})
	}
}

var _ fwk.QueueingHintFn = nativeHint
