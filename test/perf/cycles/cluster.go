// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cycles

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/stowage-scheduler/stowage/test/perf/world"
)

var everything = labels.Everything()

// runningPerNode is how many pods a node has before the first cycle.
const runningPerNode = 2

// cluster is an API with the nodes and pods of a run in it.
func cluster(o Options) *fake.Clientset {
	// A fake watch panics when its receiver is this many events behind.
	watch.DefaultChanSize = int32(o.Pods + o.Warmup + 1000)
	var objects []runtime.Object
	nodes := world.Nodes(o.Nodes)
	for _, node := range nodes {
		objects = append(objects, node)
	}
	for _, pod := range world.Running(nodes, runningPerNode) {
		objects = append(objects, pod)
	}
	for i := range o.Pods + o.Warmup {
		objects = append(objects, world.Pod(i))
	}
	client := fake.NewClientset(objects...)
	client.PrependReactor("create", "pods", bind(client.Tracker()))
	return client
}

// bind does what an API server does with a Binding, which a fake clientset leaves alone.
func bind(tracker clienttesting.ObjectTracker) clienttesting.ReactionFunc {
	return func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "binding" {
			return false, nil, nil
		}
		binding := action.(clienttesting.CreateAction).GetObject().(*v1.Binding)
		pods := v1.SchemeGroupVersion.WithResource("pods")
		obj, err := tracker.Get(pods, binding.Namespace, binding.Name)
		if err != nil {
			return true, nil, fmt.Errorf("binding: %w", err)
		}
		pod := obj.(*v1.Pod).DeepCopy()
		pod.Spec.NodeName = binding.Target.Name
		return true, binding, tracker.Update(pods, pod, binding.Namespace)
	}
}
