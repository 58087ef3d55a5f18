// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/backend/queue"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/hostile"
)

// scene is a cluster in which guests are asked about one pod: three nodes, each with a pod that may be
// evicted and one that may not.
type scene struct {
	testing.TB
	ctx    context.Context
	host   *wasmplugin.Host
	handle fwk.Handle
	client *fake.Clientset
	nodes  []fwk.NodeInfo
	group  *framework.PodGroupInfo
	// running is a pod on the first node.
	running fwk.PodInfo
}

func newScene(t *testing.T) *scene {
	t.Helper()
	metrics.Register()
	s := &scene{TB: t, ctx: klog.NewContext(t.Context(), klog.Logger{}), host: wasmplugin.NewHost(), client: fake.NewClientset()}
	// What is bound and deleted does not exist.
	s.client.PrependReactor("*", "pods", func(clienttesting.Action) (bool, runtime.Object, error) { return true, &v1.Pod{}, nil })
	s.host.SetLoadTimeout(10 * time.Second)
	t.Cleanup(func() {
		if err := s.host.Close(); err != nil {
			t.Error(err)
		}
	})
	s.fill()
	return s
}

// fill makes what is in the cluster, and the framework that policies are on.
func (s *scene) fill() {
	s.Helper()
	s.group = &framework.PodGroupInfo{
		Namespace: "ns", Name: "gang", Type: fwk.PodGroupKeyType,
		PodGroup:        st.MakePodGroup().Namespace("ns").Name("gang").UID("gang").MinCount(2).Obj(),
		UnscheduledPods: []*v1.Pod{pod("gang-0").Obj(), pod("gang-1").Obj()},
	}
	nodes := threeNodes()
	pods := []*v1.Pod{
		st.MakePod().Namespace("ns").Name("low").UID(hostile.Evictable).Node("n0").Priority(0).Obj(),
		st.MakePod().Namespace("ns").Name("high").UID(hostile.Superior).Node("n1").Priority(1000).Obj(),
		st.MakePod().Namespace("ns").Name("low-2").UID("low-2").Node("n2").Priority(0).Obj(),
	}
	snap := cache.NewTestSnapshotWithPodGroups(pods, nodes, []*schedulingv1beta1.PodGroup{s.group.PodGroup})
	s.handle = s.framework(snap)
	var err error
	if s.nodes, err = snap.NodeInfos().List(); err != nil {
		s.Fatal(err)
	}
	if s.running, err = framework.NewPodInfo(pods[0]); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) framework(snap *cache.Snapshot) fwk.Handle {
	s.Helper()
	factory := informers.NewSharedInformerFactory(s.client, 0)
	f, err := frameworkruntime.NewFramework(s.ctx, nil, nil,
		frameworkruntime.WithSnapshotSharedLister(snap), frameworkruntime.WithMutableSnapshotLister(snap),
		frameworkruntime.WithClientSet(s.client), frameworkruntime.WithKubeConfig(&rest.Config{Host: configMapServer(s)}),
		frameworkruntime.WithEventRecorder(&events.FakeRecorder{}),
		frameworkruntime.WithInformerFactory(factory), frameworkruntime.WithPodNominator(queue.NewSchedulingQueue(nil, factory)),
		frameworkruntime.WithPodActivator(nobody{}), frameworkruntime.WithPodGroupManager(cache.New(s.ctx, nil, true, false)),
		frameworkruntime.WithWaitingPods(frameworkruntime.NewWaitingPodsMap()),
		frameworkruntime.WithPodsInPreBind(frameworkruntime.NewPodsInPreBindMap()))
	if err != nil {
		s.Fatal(err)
	}
	return f
}

// nobody is tried again.
type nobody struct{}

func (nobody) Activate(klog.Logger, map[string]*v1.Pod) {}

// configMapServer is an API server with one ConfigMap, which never changes, and returns its address.
func configMapServer(tb testing.TB) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") != "" {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": "v1", "kind": "ConfigMapList", "metadata": map[string]any{"resourceVersion": "2"},
			"items": []any{map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"some": "thing"},
				"metadata": map[string]any{"name": "some", "namespace": "ns", "uid": "some", "resourceVersion": "1"},
			}},
		})
	}))
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func pod(name string) *st.PodWrapper {
	return st.MakePod().Namespace("ns").Name(name).UID(name).Priority(10)
}

func threeNodes() (nodes []*v1.Node) {
	for i := range 3 {
		nodes = append(nodes, st.MakeNode().Name(fmt.Sprintf("n%d", i)).
			Capacity(map[v1.ResourceName]string{"cpu": "4", "pods": "110"}).Obj())
	}
	return nodes
}

// load makes the policy of a guest in a file. The error is about args, of which only an empty file is one.
func (s *scene) load(g hostile.Guest, path, failurePolicy string) (fwk.Plugin, error) {
	s.Helper()
	args, err := json.Marshal(map[string]any{
		"apiVersion": "stowage.dev/v1alpha1", "kind": "WasmPluginArgs", "failurePolicy": failurePolicy, "capabilities": g.Capabilities,
		"module": map[string]any{"file": map[string]any{"path": path}},
	})
	if err != nil {
		s.Fatal(err)
	}
	return s.host.Factory("policy")(s.ctx, &runtime.Unknown{Raw: args, ContentType: runtime.ContentTypeJSON}, s.handle)
}
