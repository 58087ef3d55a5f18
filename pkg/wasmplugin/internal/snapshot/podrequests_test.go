// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/utils/ptr"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// request is what a pod asks for, as a record says it.
type request struct {
	Resources abi.Resources
	Extended  []amount
}

// The record must say what NodeInfos count, or a policy would misjudge whether a pod fits: for
// the pod that is being scheduled, for the node it lands on, and for it as a pod on the node.
func TestRequestsAreTheSchedulersOwn(t *testing.T) {
	w := newWorld(t, 7)
	s := newStore(t, snapshot.Options{})
	s.Require(allParts)
	r := newReader(t)
	for range 2000 {
		pod := w.oddPod()
		podInfo, err := framework.NewPodInfo(pod)
		w.must(err)
		info := nodeInfo("node", nil)
		info.AddPodInfo(podInfo)
		want := wantRequest(info.GetRequested())

		sync(t, s, []fwk.NodeInfo{info})
		r.sync(s)
		for where, got := range map[string]request{
			"pod":         podRequest(r.decodePod(s.EncodePod(pod, 0))),
			"node":        nodeRequest(r.decodeNode(s.Slots()[0])),
			"pod on node": podOnNodeRequest(r.decodeNode(s.Slots()[0]).Pods[0]),
		} {
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s (-want,+got):\n%s\npod: %v", where, diff, pod.Spec)
			}
		}
	}
}

func podRequest(v podView) request { return request{v.Requests, v.ExtendedRequests} }

func podOnNodeRequest(v podOnNodeView) request { return request{v.Requests, v.Extended} }

func nodeRequest(v nodeView) request {
	r := request{Resources: v.Requested}
	for _, e := range v.Extended {
		r.Extended = append(r.Extended, amount{e.Name, e.Requested})
	}
	return r
}

func wantRequest(r fwk.Resource) request {
	by := map[string]amount{}
	for name, n := range r.GetScalarResources() {
		by[string(name)] = amount{string(name), n}
	}
	return request{abi.Resources{MilliCPU: r.GetMilliCPU(), Memory: r.GetMemory(), EphemeralStorage: r.GetEphemeralStorage()}, sorted(by)}
}

// oddPod has all that makes adding up requests hard: init containers, sidecars among them,
// pod-level resources, overhead, amounts that are not whole.
func (w *world) oddPod() *v1.Pod {
	pod := w.newPod("node")
	for range w.rand.IntN(4) {
		c := v1.Container{Resources: v1.ResourceRequirements{Requests: w.fractions()}}
		if w.rand.IntN(2) == 0 {
			c.RestartPolicy = ptr.To(v1.ContainerRestartPolicyAlways)
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, c)
	}
	for range w.rand.IntN(3) {
		pod.Spec.Containers = append(pod.Spec.Containers, v1.Container{Resources: v1.ResourceRequirements{Requests: w.fractions()}})
	}
	if w.rand.IntN(3) == 0 {
		pod.Spec.Overhead = w.fractions()
	}
	if w.rand.IntN(3) == 0 {
		pod.Spec.Resources = &v1.ResourceRequirements{Requests: w.fractions()}
	}
	return pod
}

func (w *world) fractions() v1.ResourceList {
	list := w.resources()
	for name, q := range list {
		q.Add(*resource.NewScaledQuantity(w.rand.Int64N(1000), resource.Micro))
		list[name] = q
	}
	return list
}
