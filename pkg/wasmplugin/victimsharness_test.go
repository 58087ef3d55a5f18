// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	schedulercache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/backend/queue"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/defaultbinder"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/noderesources"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/queuesort"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	tf "k8s.io/kubernetes/pkg/scheduler/testing/framework"

	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

const preemptGuest = "test/guests/preempt"

// movable is a handle that many tests' frameworks take turns to be, because compiling a guest takes
// long under the race detector. Informers stay.
type movable struct {
	fwk.Handle
	informers informers.SharedInformerFactory
}

func (m *movable) SharedInformerFactory() informers.SharedInformerFactory { return m.informers }

// evictor is a plugin that is made once, for tests that run one after the other.
type evictor struct {
	once   sync.Once
	handle movable
	plugin fwk.Plugin
	err    error
}

// preemptor may evict pods of lower priority, and reclaimer any.
var preemptor, reclaimer evictor

func (e *evictor) load(tb testing.TB, more ...string) {
	tb.Helper()
	e.once.Do(func() {
		e.handle.Handle = newBareHarness(tb, nil).handle()
		e.handle.informers = informers.NewSharedInformerFactory(fake.NewClientset(), 0)
		host := NewHost()
		host.SetLoadTimeout(loadTimeout)
		granted := append([]string{"log", "nodePods", "preemption"}, more...)
		e.plugin, e.err = host.Factory("policy")(context.Background(),
			args(wt.Path(tb, preemptGuest), map[string]any{"capabilities": granted, "circuitBreaker": map[string]any{"faults": 0}}), &e.handle)
		if e.err == nil {
			e.err = e.plugin.(interface{ LoadError() error }).LoadError()
		}
	})
	if e.err != nil {
		tb.Fatal(e.err)
	}
	e.fresh()
}

// eviction is a framework with a policy, or a native plugin, that looks for victims for a pod.
type eviction struct {
	testing.TB
	ctx       context.Context
	framework framework.Framework
	client    *fake.Clientset
	events    *events.FakeRecorder
	snap      *schedulercache.Snapshot
	nodes     []fwk.NodeInfo
	state     fwk.CycleState
}

// scene is a cluster in which a pod fits nowhere.
type scene struct {
	nodes   []*v1.Node
	pods    []*v1.Pod
	budgets []*policyv1.PodDisruptionBudget
	groups  []*schedulingv1beta1.PodGroup
	// nominated is pods that wait for a node.
	nominated []*v1.Pod
	pod       *v1.Pod
}

// on makes the framework of a plugin that a factory makes, in the scene.
func (s *scene) on(tb testing.TB, informers informers.SharedInformerFactory, factory frameworkruntime.PluginFactory, more ...tf.RegisterPluginFunc) *eviction {
	tb.Helper()
	objects := []runtime.Object{s.pod}
	for _, pod := range slices.Concat(s.pods, s.nominated) {
		objects = append(objects, pod)
	}
	e := &eviction{TB: tb, ctx: tb.Context(), client: fake.NewClientset(objects...), events: events.NewFakeRecorder(10_000), state: framework.NewCycleState()}
	fill(tb, informers.Core().V1().Pods().Informer().GetStore(), objects...)
	budgets := []runtime.Object{}
	for _, b := range s.budgets {
		budgets = append(budgets, b)
	}
	fill(tb, informers.Policy().V1().PodDisruptionBudgets().Informer().GetStore(), budgets...)
	e.snap = schedulercache.NewTestSnapshotWithPodGroups(s.pods, s.nodes, s.groups)
	groups := schedulercache.New(e.ctx, nil, true, false)
	for _, g := range s.groups {
		groups.AddPodGroup(g)
	}
	plugins := append([]tf.RegisterPluginFunc{
		tf.RegisterQueueSortPlugin(queuesort.Name, queuesort.New),
		tf.RegisterBindPlugin(defaultbinder.Name, defaultbinder.New),
		tf.RegisterPluginAsExtensions(noderesources.Name, frameworkruntime.FactoryAdapter(feature.Features{}, noderesources.NewFit), "PreFilter", "Filter"),
	}, more...)
	var err error
	e.framework, err = tf.NewFramework(e.ctx, append(plugins, tf.RegisterPluginAsExtensions("policy", factory, "PostFilter")), "",
		frameworkruntime.WithClientSet(e.client), frameworkruntime.WithEventRecorder(e.events), frameworkruntime.WithInformerFactory(informers),
		frameworkruntime.WithPodNominator(s.nominator(tb, informers)), frameworkruntime.WithPodGroupManager(groups),
		frameworkruntime.WithSnapshotSharedLister(e.snap), frameworkruntime.WithMutableSnapshotLister(e.snap), frameworkruntime.WithParallelism(16),
		frameworkruntime.WithWaitingPods(frameworkruntime.NewWaitingPodsMap()), frameworkruntime.WithPodsInPreBind(frameworkruntime.NewPodsInPreBindMap()))
	if err != nil {
		tb.Fatal(err)
	}
	if e.nodes, err = e.snap.NodeInfos().List(); err != nil {
		tb.Fatal(err)
	}
	return e
}

// nominator knows the nominated pods.
func (s *scene) nominator(tb testing.TB, informers informers.SharedInformerFactory) fwk.PodNominator {
	tb.Helper()
	q := queue.NewSchedulingQueue(nil, informers)
	for _, pod := range s.nominated {
		info, err := framework.NewPodInfo(pod)
		if err != nil {
			tb.Fatal(err)
		}
		q.AddNominatedPod(klog.Background(), info, nil)
	}
	return q
}

func fill(tb testing.TB, store cache.Store, objects ...runtime.Object) {
	tb.Helper()
	list := []any{}
	for _, o := range objects {
		list = append(list, o)
	}
	if err := store.Replace(list, ""); err != nil {
		tb.Fatal(err)
	}
}

// withGuest has the policy filter too.
func (s *scene) withGuest(tb testing.TB, e *evictor) *eviction {
	tb.Helper()
	shared := func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) { return e.plugin, nil }
	made := s.on(tb, e.handle.informers, shared, tf.RegisterPluginAsExtensions("policy", shared, "PreFilter", "Filter"))
	e.handle.Handle = made.framework
	return made
}

// evict runs the attempt up to PostFilter, and what that began.
func (e *eviction) evict(pod *v1.Pod, running func(*v1.Pod) bool) (result *fwk.PostFilterResult, status *fwk.Status) {
	e.Helper()
	_, s, _ := e.framework.RunPreFilterPlugins(e.ctx, e.state, pod)
	if s.Code() == fwk.Error {
		e.Fatal(s.AsError())
	}
	nodes := framework.NewDefaultNodeToStatus()
	for _, info := range e.nodes {
		if s := e.framework.RunFilterPluginsWithNominatedPods(e.ctx, e.state, pod, info); !s.IsSuccess() {
			nodes.Set(info.Node().Name, s)
		}
	}
	result, status = e.framework.RunPostFilterPlugins(e.ctx, e.state, pod, nodes)
	e.wait(pod, running)
	return result, status
}

// wait lets evictions for the pod end.
func (e *eviction) wait(pod *v1.Pod, running func(*v1.Pod) bool) {
	e.Helper()
	for until := time.Now().Add(time.Minute); running(pod); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			e.Fatal("evictions do not end")
		}
	}
}

// holdDeletions lets no pod be deleted before the channel closes.
func (e *eviction) holdDeletions(hold <-chan struct{}) {
	e.client.PrependReactor("delete", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		<-hold
		return false, nil, nil
	})
}

// evicted is the pods that were deleted.
func (e *eviction) evicted() (names []string) {
	for _, action := range e.client.Actions() {
		if d, ok := action.(clienttesting.DeleteAction); ok {
			names = append(names, d.GetName())
		}
	}
	slices.Sort(names)
	return names
}

// found is what PostFilter came to, as one text: the node, the victims, and what it says.
func (e *eviction) found(result *fwk.PostFilterResult, status *fwk.Status) string {
	node := "-"
	if result != nil && result.NominatingInfo != nil {
		node = result.NominatedNodeName
	}
	text := "node " + node + " evicted " + strings.Join(e.evicted(), ",")
	if !status.IsSuccess() {
		text += " " + describe(status)
	}
	return text
}

func (e *evictor) policy() *policy {
	return e.plugin.(interface{ where() *policy }).where()
}

func (c common) where() *policy { return c.policy }

// fresh is for scenes whose groups differ: what evicts remembers where it looks them up.
func (e *evictor) fresh() { e.policy().evictions.Store(nil) }

func (e *evictor) running(pod *v1.Pod) bool { return e.policy().preemptor().Running(pod) }
