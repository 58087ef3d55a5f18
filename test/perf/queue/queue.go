// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package queue times what a policy does while the scheduling queue is locked: an event over many pods
// that it rejected, in the scheduler's own queue, with a hint from Wasm and with the same one as a
// native function; and PreEnqueue and SignPod of a pod.
//
// A Bench owns everything it made, and Close ends it. It is for one goroutine.
package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	internalqueue "k8s.io/kubernetes/pkg/scheduler/backend/queue"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/queuesort"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// plugin is what the benchmarks need of a policy.
type plugin interface {
	fwk.PreEnqueuePlugin
	fwk.SignPlugin
	fwk.EnqueueExtensions
}

// Bench is a queue for each way to answer hints.
type Bench struct {
	policy       plugin
	native, wasm *internalqueue.PriorityQueue
	pods         []*v1.Pod
	node         *v1.Node
	events       int
	took         map[string][]time.Duration
	closers      []func() error
}

// New fills a queue for each variant with pods that the policy in the module rejected.
func New(ctx context.Context, pods int, module string) (*Bench, error) {
	metrics.Register()
	b := &Bench{node: world.Nodes(1)[0], took: map[string][]time.Duration{}}
	for i := range pods {
		b.pods = append(b.pods, rejected(i))
	}
	if err := b.load(ctx, module); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	hints, err := hintsOf(ctx, b.policy)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	b.wasm, b.native = b.queue(ctx, hints), b.queue(ctx, nativeHints(b.policy.Name()))
	return b, errors.Join(b.fill(ctx, b.wasm), b.fill(ctx, b.native))
}

// rejected is a pod that no node of the zone of node 0 can take.
func rejected(i int) *v1.Pod {
	pod := world.Pod(i)
	pod.Labels[wantedZone] = fmt.Sprintf("zone-%d", 1+i%2)
	return pod
}

func (b *Bench) load(ctx context.Context, module string) error {
	client := fake.NewClientset()
	handle, err := frameworkruntime.NewFramework(ctx, nil, nil, frameworkruntime.WithClientSet(client),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(client, 0)))
	if err != nil {
		return fmt.Errorf("making a framework: %w", err)
	}
	host := wasmplugin.NewHost()
	b.closers = append(b.closers, host.Close)
	p, err := host.Factory("queue")(ctx, world.Args(module), handle)
	if err != nil {
		return err
	}
	b.closers = append(b.closers, p.(interface{ Close() error }).Close)
	if err := p.(interface{ LoadError() error }).LoadError(); err != nil {
		return err
	}
	b.policy = p.(plugin)
	return nil
}

// queue is the scheduler's own, with the options that the scheduler gives it.
func (b *Bench) queue(ctx context.Context, hints internalqueue.QueueingHintMap) *internalqueue.PriorityQueue {
	factory := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	recorder := metrics.NewMetricsAsyncRecorder(1000, time.Second, ctx.Done())
	q := internalqueue.NewPriorityQueue((&queuesort.PrioritySort{}).Less, factory,
		internalqueue.WithMetricsRecorder(recorder),
		internalqueue.WithQueueingHintMapPerProfile(internalqueue.QueueingHintMapPerProfile{v1.DefaultSchedulerName: hints}))
	b.closers = append(b.closers, func() error { q.Close(); return nil })
	return q
}

// fill has each pod tried and rejected.
func (b *Bench) fill(ctx context.Context, q *internalqueue.PriorityQueue) error {
	logger := klog.FromContext(ctx)
	for _, pod := range b.pods {
		q.Add(ctx, pod)
		entity, err := q.Pop(logger)
		if err != nil {
			return fmt.Errorf("taking a pod from the queue: %w", err)
		}
		info := entity.(*framework.QueuedPodInfo)
		info.UnschedulablePlugins.Insert(b.policy.Name())
		if err := q.AddUnschedulablePodIfNotPresent(logger, info, q.SchedulingCycle()); err != nil {
			return fmt.Errorf("giving a pod back to the queue: %w", err)
		}
		q.Done(pod.UID)
	}
	return nil
}

// Close ends what New made, the last first.
func (b *Bench) Close() error {
	var errs []error
	for _, c := range slices.Backward(b.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
