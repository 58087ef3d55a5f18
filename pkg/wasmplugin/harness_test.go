// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// harness is a plugin on a framework with a snapshot, and one attempt after the other on it.
type harness struct {
	testing.TB
	ctx    context.Context
	plugin fwk.Plugin
	snap   *cache.Snapshot
	events *events.FakeRecorder
	client *fake.Clientset
	// framework is what the latest plugin is on.
	framework framework.Framework
}

// filterScorePlugin is what a policy is that answers Filter and Score, and nothing else.
type filterScorePlugin = exposed3

func newBareHarness(tb testing.TB, nodes []*v1.Node, pods ...*v1.Pod) *harness {
	tb.Helper()
	ctx := tb.Context()
	if _, ok := tb.(*testing.B); ok {
		// What is logged would come between a benchmark's name and its results.
		ctx = klog.NewContext(ctx, klog.Logger{})
	}
	return &harness{
		TB: tb, ctx: ctx, snap: cache.NewSnapshot(pods, nodes), events: events.NewFakeRecorder(1000),
		client: fake.NewClientset(),
	}
}

// drainEvents is the events since it was last called.
func (h *harness) drainEvents() (got []string) {
	for {
		select {
		case e := <-h.events.Events:
			got = append(got, e)
		default:
			return got
		}
	}
}

// newHarness has the probe judge the nodes. Tests share the plugin, because compiling a guest
// takes long under the race detector: what a plugin knows of a cluster comes with each attempt.
func newHarness(tb testing.TB, nodes []*v1.Node, pods ...*v1.Pod) *harness {
	tb.Helper()
	h := newBareHarness(tb, nodes, pods...)
	shared.once.Do(func() {
		host := NewHost()
		host.SetCacheDir(cacheDir)
		host.SetLoadTimeout(loadTimeout)
		shared.plugin, shared.err = host.Factory("policy")(context.Background(), args(wt.Path(tb, probe)), h.handle())
	})
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	h.plugin = shared.plugin
	return h
}

// loadTimeout is enough for compiling a guest under the race detector.
const loadTimeout = 5 * time.Minute

// shared is the probe's plugin, for the life of the process.
var shared struct {
	once   sync.Once
	plugin fwk.Plugin
	err    error
}

// newHarnessOn has the guest in dir (relative to the repository) judge the nodes, as a plugin of its
// own on the host.
func newHarnessOn(tb testing.TB, host *Host, dir string, nodes []*v1.Node) *harness {
	tb.Helper()
	h := newBareHarness(tb, nodes)
	h.plugin = h.load(host, wt.Path(tb, dir))
	tb.Cleanup(func() {
		if err := host.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

// load makes a plugin of a module in a file, which must work.
func (h *harness) load(host *Host, path string) fwk.Plugin {
	h.Helper()
	plugin := h.loadArgs(host, args(path))
	if err := plugin.(interface{ LoadError() error }).LoadError(); err != nil {
		h.Fatal(err)
	}
	return plugin
}

// loadArgs makes a plugin.
func (h *harness) loadArgs(host *Host, args runtime.Object) fwk.Plugin {
	h.Helper()
	host.SetLoadTimeout(loadTimeout)
	plugin, err := host.Factory("policy")(h.ctx, args, h.handle())
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if err := plugin.(interface{ Close() error }).Close(); err != nil {
			h.Error(err)
		}
	})
	return plugin
}

// handle makes the framework that the plugin is on.
func (h *harness) handle() fwk.Handle {
	f, err := frameworkruntime.NewFramework(context.Background(), nil, nil,
		frameworkruntime.WithSnapshotSharedLister(h.snap),
		frameworkruntime.WithClientSet(h.client),
		frameworkruntime.WithEventRecorder(h.events),
		frameworkruntime.WithWaitingPods(frameworkruntime.NewWaitingPodsMap()),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(h.client, 0)))
	if err != nil {
		h.Fatal(err)
	}
	h.framework = f
	return f
}

// args name the module in a file and grant it everything; more replaces and adds fields.
func args(path string, more ...map[string]any) runtime.Object {
	raw := map[string]any{
		"apiVersion": "stowage.dev/v1alpha1", "kind": "WasmPluginArgs",
		"module":       map[string]any{"file": map[string]any{"path": path}},
		"capabilities": []string{"log", "metrics", "events", "clock", "random", "nodeAnnotations", "nodePods"},
		// Tests share the machine with others.
		"limits": map[string]any{"deadline": "10s"},
	}
	for _, fields := range more {
		maps.Copy(raw, fields)
	}
	b, err := json.Marshal(raw)
	if err != nil {
		panic(err)
	}
	return &runtime.Unknown{Raw: b, ContentType: runtime.ContentTypeJSON}
}

// nodes is the snapshot's list.
func (h *harness) nodes() []fwk.NodeInfo {
	h.Helper()
	list, err := h.snap.NodeInfos().List()
	if err != nil {
		h.Fatal(err)
	}
	return list
}

// attempt is one scheduling attempt on the harness.
type podAttempt struct {
	*harness
	pod   *v1.Pod
	state fwk.CycleState
}

func (h *harness) attempt(pod *v1.Pod) *podAttempt {
	return &podAttempt{h, pod, framework.NewCycleState()}
}

// preFilter begins the attempt; a policy that does not answer PreFilter passes.
func (a *podAttempt) preFilter() string {
	a.Helper()
	p, ok := a.plugin.(fwk.PreFilterPlugin)
	if !ok {
		return ""
	}
	_, status := p.PreFilter(a.ctx, a.state, a.pod, a.nodes())
	return describe(status)
}

func (a *podAttempt) filterNode(info fwk.NodeInfo) string {
	return describe(a.plugin.(fwk.FilterPlugin).Filter(a.ctx, a.state, a.pod, info))
}

// filterAll runs PreFilter and Filter on every node and returns each status by node name.
func (a *podAttempt) filterAll() map[string]string {
	a.Helper()
	if s := a.preFilter(); s != "" {
		a.Fatalf("PreFilter: %s", s)
	}
	got := map[string]string{}
	for _, info := range a.nodes() {
		got[info.Node().Name] = a.filterNode(info)
	}
	return got
}

func (h *harness) filter(pod *v1.Pod) map[string]string {
	h.Helper()
	return h.attempt(pod).filterAll()
}

// score runs PreScore, Score on every given node and NormalizeScore, and returns the scores by
// node name or the first status that is not a success.
func (a *podAttempt) score(nodes []fwk.NodeInfo) (map[string]int64, string) {
	a.Helper()
	if s := a.plugin.(fwk.PreScorePlugin).PreScore(a.ctx, a.state, a.pod, nodes); !s.IsSuccess() {
		return nil, "PreScore: " + describe(s)
	}
	plugin := a.plugin.(fwk.ScorePlugin)
	var list fwk.NodeScoreList
	for _, info := range nodes {
		score, s := plugin.Score(a.ctx, a.state, a.pod, info)
		if !s.IsSuccess() {
			return nil, "Score: " + describe(s)
		}
		list = append(list, fwk.NodeScore{Name: info.Node().Name, Score: score})
	}
	if n := plugin.ScoreExtensions(); n != nil {
		if s := n.NormalizeScore(a.ctx, a.state, a.pod, list); !s.IsSuccess() {
			return nil, "NormalizeScore: " + describe(s)
		}
	}
	got := map[string]int64{}
	for _, s := range list {
		got[s.Name] = s.Score
	}
	return got, ""
}

func describe(s *fwk.Status) string {
	if s.IsSuccess() {
		return ""
	}
	return s.Code().String() + ": " + s.Message()
}

// zoned makes n nodes named n0, n1, ... with a zone label each, in turn a, b and c.
func zoned(n int) []*v1.Node {
	var nodes []*v1.Node
	for i := range n {
		nodes = append(nodes, st.MakeNode().Name(fmt.Sprintf("n%d", i)).
			Label(v1.LabelTopologyZone, string(rune('a'+i%3))).
			Label("score", strconv.Itoa(i)).
			Capacity(map[v1.ResourceName]string{"cpu": "4", "memory": "8Gi", "pods": "110"}).Obj())
	}
	return nodes
}

const probe = "test/guests/probe"

// podPriority is code that leaves the priority of the cycle's pod.
func podPriority() []byte {
	return wt.Code(
		wt.Load(wt.FrameAt+uint32(unsafe.Offsetof(abi.Frame{}.Pod))),
		wt.Const(uint32(unsafe.Offsetof(abi.PodRecord{}.Priority))), wt.Add(), wt.LoadTop())
}

// counts is the values of a metric, by the values of two of its labels.
func counts(tb testing.TB, metric, first, second string) map[string]int {
	tb.Helper()
	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	got := map[string]int{}
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			got[labels[first]+"/"+labels[second]] += int(m.GetCounter().GetValue())
		}
	}
	return got
}

func decisions(tb testing.TB) map[string]int {
	tb.Helper()
	return counts(tb, "stowage_policy_monitored_total", "point", "decision")
}

// faults counts those of a kind; all of them if it is "".
func faults(tb testing.TB, kind string) (n int) {
	tb.Helper()
	for key, count := range counts(tb, "stowage_policy_faults_total", "point", "kind") {
		if kind == "" || strings.HasSuffix(key, "/"+kind) {
			n += count
		}
	}
	return n
}
