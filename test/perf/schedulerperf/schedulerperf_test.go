//go:build schedulerperf

// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package schedulerperf

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	_ "k8s.io/component-base/logs/json/register"
	fwk "k8s.io/kube-scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	perf "k8s.io/kubernetes/test/integration/scheduler_perf"
	"k8s.io/kubernetes/test/utils/client-go/ktesting"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
	"github.com/stowage-scheduler/stowage/test/perf/extender"
	"github.com/stowage-scheduler/stowage/test/perf/native"
	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// wasmPolicy is the policy's name in testdata/wasm.yaml.
const wasmPolicy = "zone-resource-wasm"

func TestMain(m *testing.M) {
	if err := perf.InitTests(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	m.Run()
}

// BenchmarkPerfScheduling runs the workloads of testdata one after the other.
func BenchmarkPerfScheduling(b *testing.B) {
	known := extender.NewCache()
	config, stop, err := extender.Start(known)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			b.Error(err)
		}
	}()
	prepare(b, config.URLPrefix)
	registry := frameworkruntime.Registry{native.Name: native.New, wasmPolicy: factory(b)}
	perf.RunBenchmarkPerfScheduling(b, "performance-config.yaml", "stowage", registry, perf.WithPrepareFn(follow(known)))
}

// prepare goes to a folder with the configuration and the module in it.
func prepare(b *testing.B, url string) {
	b.Helper()
	dir := b.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		b.Fatal(err)
	}
	if _, err := world.Module(b.Context(), dir); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "extender.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "EXTENDER_URL", url)), 0o600); err != nil {
		b.Fatal(err)
	}
	b.Chdir(dir)
}

// factory makes a host for each scheduler.
func factory(b *testing.B) frameworkruntime.PluginFactory {
	return func(ctx context.Context, args runtime.Object, handle fwk.Handle) (fwk.Plugin, error) {
		host := wasmplugin.NewHost()
		b.Cleanup(func() {
			if err := host.Close(); err != nil {
				b.Error(err)
			}
		})
		return host.Factory(wasmPolicy)(ctx, args, handle)
	}
}

// follow gives the extender its view of a workload's cluster.
func follow(known *extender.Cache) perf.HookFn {
	return func(tCtx ktesting.TContext) error {
		factory := informers.NewSharedInformerFactory(tCtx.Client(), 0)
		if err := known.Follow(factory); err != nil {
			return err
		}
		factory.Start(tCtx.Done())
		factory.WaitForCacheSync(tCtx.Done())
		return nil
	}
}
