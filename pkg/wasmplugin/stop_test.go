// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/rest"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// everywhere is a guest that answers all points that many plugins of a profile may have, and
// declares ConfigMaps.
func everywhere() *wt.Policy {
	p := wt.NewPolicy()
	p.Descriptor.Points |= bindMask | abi.PointPreEnqueue | abi.PointSign | abi.PointQueueingHint | abi.PointObjects | abi.PointPodChanges
	for _, export := range append([]string{
		abi.ExportPreEnqueue, abi.ExportSign, abi.ExportQueueingHint, abi.ExportObjects, abi.ExportAddPod, abi.ExportRemovePod,
	}, bindExports...) {
		p.Body(export, wt.Const(uint32(abi.Success)))
	}
	return needsConfigMaps(p)
}

// needsConfigMaps has Configure declare the ConfigMaps of the cluster.
func needsConfigMaps(p *wt.Policy) *wt.Policy {
	const needs, objects = 3000, 3100
	name := []byte("configmaps.v1")
	p.Data[wt.TextAt] = name
	p.Data[needs] = words(uint32(unsafe.Sizeof(abi.Needs{})), 0, 0, 0, objects, 1, 0, 0)
	p.Data[objects] = words(wt.TextAt, uint32(len(name)), 0, 0, 0, 0, 0, 0)
	return p.Body(abi.ExportConfigure, wt.SetResult(unsafe.Offsetof(abi.Frame{}.Needs), needs), wt.Const(0))
}

func words(list ...uint32) (b []byte) {
	for _, w := range list {
		b = append(b, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	return b
}

// fakeCluster is a cluster with a few ConfigMaps.
func fakeCluster(*rest.Config) (dynamic.Interface, error) {
	var maps []kruntime.Object
	for n := range 20 {
		maps = append(maps, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"name": fmt.Sprintf("m%d", n), "namespace": "default", "uid": fmt.Sprint(n), "resourceVersion": "1"},
		}})
	}
	kinds := map[schema.GroupVersionResource]string{{Version: "v1", Resource: "configmaps"}: "ConfigMapList"}
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(kruntime.NewScheme(), kinds, maps...), nil
}

// all is what the framework can call of such a policy.
type all interface {
	bindPlugin
	fwk.PreEnqueuePlugin
	fwk.PreFilterPlugin
	fwk.FilterPlugin
	fwk.PreScorePlugin
	fwk.SignPlugin
	Close() error
}

// use makes calls at every point, as the framework's goroutines do, until the plugin is closed.
func (h *harness) use(p all, pod *v1.Pod, stop <-chan struct{}) {
	node := h.nodes()[0]
	name := node.Node().Name
	for {
		select {
		case <-stop:
			return
		default:
		}
		a := h.attempt(pod)
		p.PreEnqueue(h.ctx, pod)
		_, _ = p.SignPod(h.ctx, pod)
		p.Reserve(h.ctx, a.state, pod, name)
		p.Permit(h.ctx, a.state, pod, name)
		p.PreBind(h.ctx, a.state, pod, name)
		p.PostBind(h.ctx, a.state, pod, name)
		p.Unreserve(h.ctx, a.state, pod, name)
	}
}

// Stopping leaves no goroutine, guest or mapping, whatever is going on: the framework closes plugins
// without waiting for scheduling or for binding cycles.
func TestStopLeavesNothing(t *testing.T) {
	module := everywhere().Bytes()
	path := t.TempDir() + "/policy.wasm"
	if err := os.WriteFile(path, module, 0o600); err != nil {
		t.Fatal(err)
	}
	h := newBareHarness(t, zoned(3))
	handle := h.handle() // it has a goroutine of its own
	round := func() { h.startAndStop(handle, path) }
	round()
	goroutines, maps := runtime.NumGoroutine(), mappings()
	const rounds = 15
	for range rounds {
		round()
	}
	wantSettled(t, "goroutines", runtime.NumGoroutine, goroutines+2)
	wantSettled(t, "mappings", mappings, maps+rounds/3)
}

// startAndStop makes a plugin, uses it from all sides and closes it at a random moment.
func (h *harness) startAndStop(handle fwk.Handle, path string) {
	host := NewHost()
	host.SetLoadTimeout(loadTimeout)
	host.dynamic = fakeCluster
	plugin, err := host.Factory("policy")(h.ctx, args(path, map[string]any{"capabilities": []string{"bind", "objects:configmaps"}}), handle)
	if err != nil {
		h.Fatal(err)
	}
	p := plugin.(all)
	if err := plugin.(interface{ LoadError() error }).LoadError(); err != nil {
		h.Fatal(err)
	}
	var using sync.WaitGroup
	stop := make(chan struct{})
	for n := range 4 {
		using.Go(func() { h.use(p, member(n, 0), stop) })
	}
	p.(owned).owner().wake(member(9, 0), time.Hour)
	time.Sleep(rand.N(20 * time.Millisecond))
	if err := p.Close(); err != nil {
		h.Error(err)
	}
	close(stop)
	if rand.IntN(2) == 0 {
		using.Wait()
	}
	if err := host.Close(); err != nil {
		h.Error(err)
	}
	using.Wait()
}

// wantSettled sees to it that a count comes down to most, for which things may take a moment.
func wantSettled(t *testing.T, what string, count func() int, most int) {
	t.Helper()
	got := count()
	for range 100 {
		if got <= most {
			return
		}
		runtime.GC() // finalizers unmap compiled code
		time.Sleep(20 * time.Millisecond)
		got = count()
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d %s are left, want at most %d; goroutines:\n%s", got, what, most, stacks[:runtime.Stack(stacks, true)])
}

func mappings() int {
	maps, _ := os.ReadFile("/proc/self/maps")
	return bytes.Count(maps, []byte("\n"))
}
