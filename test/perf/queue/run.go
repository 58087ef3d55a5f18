// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	internalqueue "k8s.io/kubernetes/pkg/scheduler/backend/queue"

	"github.com/stowage-scheduler/stowage/test/perf/report"
)

// What is measured.
const (
	eventNative = "hints_native"
	eventWasm   = "hints_wasm"
	preEnqueue  = "preenqueue"
	sign        = "sign"
)

// The benchmark of the issue: a node event over so many pending pods, so often.
const (
	pendingPods = 10_000
	allRounds   = 40
)

// Measure builds the policy and runs the whole benchmark.
func Measure(ctx context.Context) (r *report.Results, err error) {
	dir, err := os.MkdirTemp("", "stowage-queue-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	module, err := Module(ctx, dir)
	if err != nil {
		return nil, err
	}
	b, err := New(ctx, pendingPods, module)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.Run(ctx, allRounds); err != nil {
		return nil, err
	}
	return b.Report(), nil
}

// Run measures that many events over all pods in each variant, in turn, and as often PreEnqueue and
// SignPod of each pod.
func (b *Bench) Run(ctx context.Context, rounds int) error {
	const warmup = 3
	for i := range rounds + warmup {
		if i == warmup {
			clear(b.took)
		}
		if err := b.round(ctx, i%2 == 0); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bench) round(ctx context.Context, nativeFirst bool) error {
	events := []func(context.Context) error{b.eventNative, b.eventWasm}
	if !nativeFirst {
		events[0], events[1] = events[1], events[0]
	}
	for _, f := range append(events, b.preEnqueues, b.signs) {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bench) eventNative(ctx context.Context) error { return b.event(ctx, eventNative, b.native) }
func (b *Bench) eventWasm(ctx context.Context) error   { return b.event(ctx, eventWasm, b.wasm) }

// event is one change of a node, which is of no use to any of the pods.
func (b *Bench) event(ctx context.Context, name string, q *internalqueue.PriorityQueue) error {
	old, updated := b.change()
	begin := time.Now()
	q.MoveAllToActiveOrBackoffQueue(klog.FromContext(ctx), changed, old, updated, nil)
	b.took[name] = append(b.took[name], time.Since(begin)/time.Duration(len(b.pods)))
	if left := len(q.UnschedulablePods()); left != len(b.pods) {
		return fmt.Errorf("%s: %d of %d pods are left", name, left, len(b.pods))
	}
	return nil
}

// change is a node before and after a change of a label.
func (b *Bench) change() (old, updated *v1.Node) {
	b.events++
	old, updated = b.node, b.node.DeepCopy()
	updated.Labels["example.com/change"] = fmt.Sprint(b.events)
	b.node = updated
	return old, updated
}

func (b *Bench) preEnqueues(ctx context.Context) error {
	return b.each(preEnqueue, func(pod *v1.Pod) error { return b.policy.PreEnqueue(ctx, pod).AsError() })
}

func (b *Bench) signs(ctx context.Context) error {
	return b.each(sign, func(pod *v1.Pod) error {
		_, status := b.policy.SignPod(ctx, pod)
		return status.AsError()
	})
}

// each times a call about every pod, which is new to the policy as pods are that the queue is given.
func (b *Bench) each(name string, call func(*v1.Pod) error) error {
	pods := make([]*v1.Pod, len(b.pods))
	for i, pod := range b.pods {
		pods[i] = pod.DeepCopy()
	}
	begin := time.Now()
	for _, pod := range pods {
		if err := call(pod); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.took[name] = append(b.took[name], time.Since(begin)/time.Duration(len(pods)))
	return nil
}

// Report is medians. A hint's time is all that the queue does for a pod; the ratio is that of each
// round, so that what slows the machine for a while counts for both sides.
func (b *Bench) Report() *report.Results {
	r := report.New()
	r.Add("preenqueue_ns", "ns", ns(b.took[preEnqueue]))
	r.Add("sign_ns", "ns", ns(b.took[sign]))
	r.Add("queuehint_ns", "ns", ns(b.took[eventWasm]))
	r.Add("queuehint_native_ns", "ns", ns(b.took[eventNative]))
	var ratios []float64
	for i, took := range b.took[eventWasm] {
		ratios = append(ratios, float64(took)/float64(b.took[eventNative][i]))
	}
	r.Ratio("queuehint_over_native", report.Median(ratios))
	return r
}

func ns(took []time.Duration) float64 { return float64(report.Median(took).Nanoseconds()) }
