// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

// world is a cluster that changes at random, in the scheduler's own cache.
type world struct {
	testing.TB
	rand  *rand.Rand
	cache cache.Cache
	nodes map[string]*v1.Node
	// bound is the pods of which informers told; assumed is those that are being bound.
	bound, assumed map[types.UID]*v1.Pod
	made           int
}

func newWorld(tb testing.TB, seed uint64) *world {
	metrics.Register()
	return &world{
		TB: tb, rand: rand.New(rand.NewPCG(seed, 1)), cache: cache.New(tb.Context(), nil, false, false),
		nodes: map[string]*v1.Node{}, bound: map[types.UID]*v1.Pod{}, assumed: map[types.UID]*v1.Pod{},
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// change makes one random change that the scheduler hears of from informers.
func (w *world) change() {
	switch n := w.rand.IntN(100); {
	case n < 15 || len(w.nodes) == 0:
		w.addNode(fmt.Sprintf("node-%d", w.rand.IntN(12)))
	case n < 22:
		w.deleteNode(w.anyNode())
	case n < 30:
		name := w.anyNode()
		w.deleteNode(name)
		w.addNode(name)
	case len(w.bound) == 0 || n < 65 && len(w.bound) < 60:
		pod := w.newPod(w.anyNode())
		w.must(w.cache.AddPod(klog.Background(), pod))
		w.bound[pod.UID] = pod
	case n < 80:
		w.deletePod(w.any(w.bound))
	default:
		w.updatePod(w.any(w.bound))
	}
}

func (w *world) addNode(name string) {
	if w.nodes[name] != nil {
		return
	}
	zone := map[string]string{v1.LabelTopologyZone: fmt.Sprintf("zone-%d", w.rand.IntN(3))}
	w.nodes[name] = &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: zone}}
	w.cache.AddNode(klog.Background(), w.nodes[name])
}

// deleteNode leaves the node's pods behind, as the API server does for a while.
func (w *world) deleteNode(name string) {
	w.must(w.cache.RemoveNode(klog.Background(), w.nodes[name]))
	delete(w.nodes, name)
}

func (w *world) deletePod(pod *v1.Pod) {
	w.must(w.cache.RemovePod(klog.Background(), pod))
	delete(w.bound, pod.UID)
	delete(w.assumed, pod.UID)
}

// updatePod relabels or resizes a pod.
func (w *world) updatePod(old *v1.Pod) {
	pod := old.DeepCopy()
	if w.rand.IntN(2) == 0 {
		pod.Labels = w.labels()
	} else {
		pod.Spec.Containers[0].Resources.Requests = w.requests()
		pod.Status.ContainerStatuses = []v1.ContainerStatus{{Name: "main", AllocatedResources: w.requests()}}
	}
	w.must(w.cache.UpdatePod(klog.Background(), old, pod))
	w.bound[pod.UID] = pod
}

// confirm is the informer's word that an assumed pod was bound.
func (w *world) confirm(pod *v1.Pod) {
	w.must(w.cache.AddPod(klog.Background(), pod))
	delete(w.assumed, pod.UID)
	w.bound[pod.UID] = pod
}

func (w *world) any(pods map[types.UID]*v1.Pod) *v1.Pod {
	uids := slices.Sorted(maps.Keys(pods))
	return pods[uids[w.rand.IntN(len(uids))]]
}

func (w *world) anyNode() string {
	if len(w.nodes) == 0 {
		w.addNode("node-again")
	}
	names := slices.Sorted(maps.Keys(w.nodes))
	return names[w.rand.IntN(len(names))]
}

func (w *world) newPod(node string) *v1.Pod {
	w.made++
	pod := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("pod-%d", w.made), UID: types.UID(fmt.Sprintf("uid-%06d", w.made)),
			Namespace: fmt.Sprintf("team-%d", w.rand.IntN(4)), Labels: w.labels(),
		},
		Spec: v1.PodSpec{NodeName: node, Containers: []v1.Container{w.container("main")}},
	}
	if w.rand.IntN(3) == 0 {
		pod.Spec.Overhead = w.requests()
	}
	if w.rand.IntN(3) == 0 {
		pod.Spec.InitContainers = []v1.Container{w.container("init"), w.container("sidecar")}
		pod.Spec.InitContainers[1].RestartPolicy = new(v1.ContainerRestartPolicyAlways)
	}
	if w.rand.IntN(4) == 0 {
		pod.Spec.Resources = &v1.ResourceRequirements{Requests: w.requests()}
	}
	return pod
}

// labels are few keys with few values, the empty one included, or none.
func (w *world) labels() map[string]string {
	out := map[string]string{}
	for _, key := range []string{"team", "tier"} {
		if n := w.rand.IntN(5); n > 0 {
			out[key] = []string{"", "red", "green", "blue"}[n-1]
		}
	}
	return out
}

func (w *world) container(name string) v1.Container {
	return v1.Container{Name: name, Resources: v1.ResourceRequirements{Requests: w.requests()}}
}

func (w *world) requests() v1.ResourceList {
	list := v1.ResourceList{}
	for _, name := range []v1.ResourceName{"cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "example.com/fpga", "hugepages-2Mi"} {
		if w.rand.IntN(2) == 0 {
			list[name] = *resource.NewMilliQuantity(w.rand.Int64N(4000), resource.DecimalSI)
		}
	}
	return list
}

// shuffled is sometimes the list in another order, which the snapshot's own rarely takes.
func (w *world) shuffled(list []fwk.NodeInfo) []fwk.NodeInfo {
	if w.rand.IntN(8) > 0 {
		return list
	}
	out := slices.Clone(list)
	w.rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
