// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package methods times one policy's part of a scheduling attempt, Filter on every node and Score
// on those that pass, as native plugin, as Wasm policy and as HTTP extender.
//
// A Bench owns everything it made, and Close ends it. It is for one goroutine: variants take
// turns, attempt by attempt, so that whatever else the machine does meets all of them.
package methods

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	fwk "k8s.io/kube-scheduler/framework"
	schedconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultbinder"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/queuesort"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
	"github.com/stowage-scheduler/stowage/test/perf/native"
	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// Decision is what a policy decided about one pod: a score for each node that it allows.
type Decision map[string]int64

// attempt runs the policy for a pod. Decisions are collected if into is not nil.
type attempt func(ctx context.Context, pod *v1.Pod, into Decision) error

// Variant is a way to run the policy.
type Variant struct {
	Name string
	// every makes the variant run in each every-th round only: an extender takes long.
	every int
	run   attempt
	took  []time.Duration
}

// Bench is the variants over one cluster.
type Bench struct {
	Variants []*Variant
	snapshot *cache.Snapshot
	nodes    []fwk.NodeInfo
	module   string
	closers  []func() error
}

// New makes a bench of that many nodes for the policy in a module.
func New(ctx context.Context, nodes int, module string) (*Bench, error) {
	metrics.Register()
	objects := world.Nodes(nodes)
	running := world.Running(objects, 3)
	b := &Bench{snapshot: cache.NewSnapshot(running, objects), module: module}
	var err error
	if b.nodes, err = b.snapshot.NodeInfos().List(); err != nil {
		return nil, err
	}
	for _, add := range []func(context.Context) error{b.addNative, b.addWasm, b.addNativeRuntime, b.addWasmRuntime} {
		if err := add(ctx); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	if err := b.addExtender(objects, running); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close ends what New made, the last first.
func (b *Bench) Close() error {
	var errs []error
	for _, c := range slices.Backward(b.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

func (b *Bench) add(name string, every int, run attempt) {
	b.Variants = append(b.Variants, &Variant{Name: name, every: every, run: run})
}

func (b *Bench) addNative(ctx context.Context) error {
	plugin, err := native.New(ctx, nil, nil)
	b.add("native", 1, b.methods(plugin))
	return err
}

func (b *Bench) addWasm(ctx context.Context) error {
	handle, err := b.framework(ctx, nil, nil)
	if err != nil {
		return err
	}
	host := wasmplugin.NewHost()
	b.closers = append(b.closers, host.Close)
	plugin, err := host.Factory(native.Name)(ctx, world.Args(b.module), handle)
	if err != nil {
		return err
	}
	b.closers = append(b.closers, plugin.(interface{ Close() error }).Close)
	b.add("wasm", 1, b.methods(plugin))
	return nil
}

func (b *Bench) addNativeRuntime(ctx context.Context) error {
	f, err := b.framework(ctx, native.New, nil)
	b.add("native-runtime", 2, b.runtime(f))
	return err
}

func (b *Bench) addWasmRuntime(ctx context.Context) error {
	host := wasmplugin.NewHost()
	b.closers = append(b.closers, host.Close)
	f, err := b.framework(ctx, host.Factory(native.Name), world.Args(b.module))
	if err != nil {
		return err
	}
	b.closers = append(b.closers, f.Close)
	b.add("wasm-runtime", 2, b.runtime(f))
	return nil
}

// framework makes a framework over the snapshot, with the policy as its only plugin that looks
// at nodes, or with none.
func (b *Bench) framework(ctx context.Context, policy frameworkruntime.PluginFactory, args runtime.Object) (framework.Framework, error) {
	client := fake.NewClientset()
	registry := frameworkruntime.Registry{queuesort.Name: queuesort.New, defaultbinder.Name: defaultbinder.New}
	profile := &schedconfig.KubeSchedulerProfile{SchedulerName: "bench", Plugins: &schedconfig.Plugins{
		QueueSort: set(queuesort.Name),
		Bind:      set(defaultbinder.Name),
	}}
	if policy != nil {
		registry[native.Name] = policy
		profile.Plugins.MultiPoint = set(native.Name)
		profile.PluginConfig = []schedconfig.PluginConfig{{Name: native.Name, Args: args}}
	}
	f, err := frameworkruntime.NewFramework(ctx, registry, profile,
		frameworkruntime.WithSnapshotSharedLister(b.snapshot),
		frameworkruntime.WithClientSet(client),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(client, 0)))
	if err != nil {
		return nil, fmt.Errorf("making a framework: %w", err)
	}
	return f, nil
}

func set(name string) schedconfig.PluginSet {
	return schedconfig.PluginSet{Enabled: []schedconfig.Plugin{{Name: name, Weight: 1}}}
}
