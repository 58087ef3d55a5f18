// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

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

// world is a cluster that changes at random, and the scheduler's own cache and snapshot of it.
type world struct {
	testing.TB
	rand  *rand.Rand
	cache cache.Cache
	snap  *cache.Snapshot
	nodes map[string]*v1.Node
	pods  map[types.UID]*v1.Pod
	made  int
}

func newWorld(tb testing.TB, seed uint64) *world {
	metrics.Register()
	return &world{
		TB: tb, rand: rand.New(rand.NewPCG(seed, 1)),
		cache: cache.New(tb.Context(), nil, false, false), snap: cache.NewEmptySnapshot(),
		nodes: map[string]*v1.Node{}, pods: map[types.UID]*v1.Pod{},
	}
}

// list is the scheduler's node list at the start of a cycle.
func (w *world) list() []fwk.NodeInfo {
	w.Helper()
	w.must(w.cache.UpdateSnapshot(klog.Background(), w.snap))
	list, err := w.snap.NodeInfos().List()
	w.must(err)
	return list
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// podsOn is the pods on a node.
func (w *world) podsOn(node string) (out []*v1.Pod) {
	for _, p := range w.pods {
		if p.Spec.NodeName == node {
			out = append(out, p)
		}
	}
	return out
}

// step makes one random change.
func (w *world) step() {
	switch n := w.rand.IntN(100); {
	case n < 12 || len(w.nodes) == 0:
		w.addNode(fmt.Sprintf("node-%d", w.next()))
	case n < 18:
		w.deleteNode(w.anyNode())
	case n < 24:
		name := w.anyNode()
		w.deleteNode(name)
		w.addNode(name)
	case n < 45:
		w.changeNode(w.anyNode())
	case n < 75 || len(w.pods) == 0:
		w.addPod(w.newPod(w.anyNode()))
	case n < 90:
		w.removePod(w.anyPod())
	default:
		w.changePod(w.anyPod())
	}
}

func (w *world) next() int { w.made++; return w.made }

func (w *world) anyNode() string {
	names := slices.Sorted(maps.Keys(w.nodes))
	if len(names) == 0 {
		w.addNode("node-again")
		return "node-again"
	}
	return names[w.rand.IntN(len(names))]
}

func (w *world) anyPod() *v1.Pod {
	uids := slices.Sorted(maps.Keys(w.pods))
	return w.pods[uids[w.rand.IntN(len(uids))]]
}

func (w *world) addNode(name string) {
	node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	w.randomize(node)
	w.nodes[name] = node
	w.cache.AddNode(klog.Background(), node)
}

// deleteNode sometimes leaves the node's pods behind, as the API server does for a while.
func (w *world) deleteNode(name string) {
	if w.rand.IntN(2) == 0 {
		for _, p := range w.podsOn(name) {
			w.removePod(p)
		}
	}
	w.must(w.cache.RemoveNode(klog.Background(), w.nodes[name]))
	delete(w.nodes, name)
}

func (w *world) changeNode(name string) {
	old := w.nodes[name]
	node := old.DeepCopy()
	w.randomize(node)
	w.nodes[name] = node
	w.cache.UpdateNode(klog.Background(), old, node)
}

// randomize gives one aspect of a node a new value.
func (w *world) randomize(node *v1.Node) {
	switch w.rand.IntN(8) {
	case 0:
		node.Labels = w.strings("label", 6)
	case 1:
		node.Labels = w.strings("label", 2)
		node.Labels[v1.LabelTopologyZone] = fmt.Sprintf("zone-%d", w.rand.IntN(3))
		node.Labels[v1.LabelTopologyRegion] = fmt.Sprintf("region-%d", w.rand.IntN(2))
	case 2:
		node.Annotations = w.strings("note", 5)
	case 3:
		node.Spec.Taints = w.taints()
	case 4:
		node.Status.Conditions = w.conditions()
	case 5:
		node.Status.Images = w.images()
	case 6:
		node.Spec.Unschedulable = !node.Spec.Unschedulable
	case 7:
		node.Status.Allocatable = w.resources()
		node.Status.Allocatable[v1.ResourcePods] = *resource.NewQuantity(int64(w.rand.IntN(200)), resource.DecimalSI)
	}
}

// strings is a map of up to n entries with few keys and values of any length, none included.
func (w *world) strings(what string, n int) map[string]string {
	m := map[string]string{}
	for range w.rand.IntN(n + 1) {
		value := fmt.Sprintf("%0*d", w.rand.IntN(40), w.rand.IntN(1000))
		m[fmt.Sprintf("%s-%d", what, w.rand.IntN(20))] = value[w.rand.IntN(2)*len(value):]
	}
	return m
}

func (w *world) taints() (out []v1.Taint) {
	effects := []v1.TaintEffect{v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule, v1.TaintEffectNoExecute}
	for i := range w.rand.IntN(4) {
		out = append(out, v1.Taint{Key: fmt.Sprintf("taint-%d", i), Value: fmt.Sprint(w.rand.IntN(5)), Effect: effects[w.rand.IntN(3)]})
	}
	return out
}

func (w *world) conditions() (out []v1.NodeCondition) {
	statuses := []v1.ConditionStatus{v1.ConditionTrue, v1.ConditionFalse, v1.ConditionUnknown}
	for _, kind := range []v1.NodeConditionType{"Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable", "Custom"} {
		if w.rand.IntN(3) > 0 {
			out = append(out, v1.NodeCondition{Type: kind, Status: statuses[w.rand.IntN(3)]})
		}
	}
	return out
}

func (w *world) images() (out []v1.ContainerImage) {
	for i := range w.rand.IntN(5) {
		names := []string{fmt.Sprintf("image-%d", i), fmt.Sprintf("image-%d:v%d", i, w.rand.IntN(3))}
		out = append(out, v1.ContainerImage{Names: names, SizeBytes: int64(i+1) << 20})
	}
	return out
}

func (w *world) resources() v1.ResourceList {
	list := v1.ResourceList{}
	for _, name := range []v1.ResourceName{"cpu", "memory", "ephemeral-storage", "nvidia.com/gpu", "example.com/fpga", "hugepages-2Mi"} {
		if w.rand.IntN(2) == 0 {
			list[name] = *resource.NewMilliQuantity(w.rand.Int64N(1<<30)*1000, resource.DecimalSI)
		}
	}
	if w.rand.IntN(3) == 0 {
		list["cpu"] = *resource.NewMilliQuantity(w.rand.Int64N(5000), resource.DecimalSI)
	}
	return list
}
