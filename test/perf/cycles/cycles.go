// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cycles times whole scheduling cycles of a scheduler with the default profile, alone and
// with one policy in each of its variants. The API is client-go's fake clientset, so that what is
// measured is the scheduler and not an API server on the same machine.
//
// Run is for one call per process: the scheduler's metrics are the process's, and a second run
// in a heap that a first one shaped is slower.
package cycles

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/profile"

	"github.com/stowage-scheduler/stowage/test/perf/report"
	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// Options of a run.
type Options struct {
	// Variant is one of Variants.
	Variant string
	// Module is the file of the policy's module.
	Module string
	Nodes  int
	// Pods are scheduled with the clock running, after Warmup others.
	Pods, Warmup int
}

// Names of what a run reports, beside times of the policy's extension points.
const (
	Throughput = "cycles_per_second"
	Duration   = "cycle_us"
	// CPU is what the whole process spends per cycle, bindings and garbage collection included.
	// It says less than Throughput, but other work on the machine does not change it much.
	CPU = "cycle_cpu_us"
)

// Run schedules the pods and reports how fast.
func Run(ctx context.Context, o Options) (*report.Results, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := cluster(o)
	factory := scheduler.NewInformerFactory(client, 0, nil)
	setup, err := variant(o, factory)
	if err != nil {
		return nil, fmt.Errorf("setting %s up: %w", o.Variant, err)
	}
	sched, err := newScheduler(ctx, client, factory, setup.options)
	if err != nil {
		return nil, errors.Join(err, setup.close())
	}
	results, err := measure(ctx, sched, factory, o)
	cancel()
	for _, f := range sched.Profiles {
		err = errors.Join(err, f.Close())
	}
	return results, errors.Join(err, setup.close())
}

func newScheduler(ctx context.Context, client *fake.Clientset, factory informers.SharedInformerFactory, options []scheduler.Option) (*scheduler.Scheduler, error) {
	// A broadcaster that was not started drops events.
	recorders := profile.NewRecorderFactory(events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()}))
	sched, err := scheduler.New(ctx, client, factory, nil, recorders, options...)
	if err != nil {
		return nil, fmt.Errorf("making a scheduler: %w", err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	if err := sched.WaitForHandlersSync(ctx); err != nil {
		return nil, fmt.Errorf("filling the scheduler's cache: %w", err)
	}
	return sched, nil
}

// measure runs the scheduling loop as Scheduler.Run does, with a clock around each cycle.
func measure(ctx context.Context, sched *scheduler.Scheduler, factory informers.SharedInformerFactory, o Options) (*report.Results, error) {
	sched.SchedulingQueue.Run(klog.FromContext(ctx))
	defer sched.SchedulingQueue.Close()
	for range o.Warmup {
		sched.ScheduleOne(ctx)
	}
	runtime.GC()
	took := make([]time.Duration, 0, o.Pods)
	cpu, begin := cpuTime(), time.Now()
	for last := begin; len(took) < o.Pods; {
		sched.ScheduleOne(ctx)
		now := time.Now()
		took, last = append(took, now.Sub(last)), now
	}
	whole := time.Since(begin)
	if err := bound(ctx, factory, o.Pods+o.Warmup); err != nil {
		return nil, err
	}
	cpu = cpuTime() - cpu
	r := report.New()
	r.Add(Throughput, "cycles/s", float64(o.Pods)/whole.Seconds())
	r.Add(Duration, "us", float64(report.Median(took).Nanoseconds())/1e3)
	r.Add(CPU, "us", float64(cpu.Microseconds())/float64(o.Pods))
	return r, policyTimes(r)
}

// bound waits until the pods that were to be scheduled have a node, all of them: cycles that
// fail are fast and must not count as good.
func bound(ctx context.Context, factory informers.SharedInformerFactory, want int) error {
	left := 0
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		pods, err := factory.Core().V1().Pods().Lister().List(everything)
		left = want
		for _, pod := range pods {
			if pod.Spec.NodeName != "" && world.IsPending(pod.Name) {
				left--
			}
		}
		return left == 0, err
	})
	if err != nil {
		return fmt.Errorf("waiting for bindings, %d of %d missing: %w", left, want, err)
	}
	return nil
}

// cpuTime is what this process has used of all processors.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
