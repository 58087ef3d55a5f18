// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
)

// newPod is a random pod that is bound to the node.
func (w *world) newPod(node string) *v1.Pod {
	n := w.next()
	pod := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("pod-%d", n), UID: types.UID(fmt.Sprintf("uid-%06d", n)),
			Namespace: fmt.Sprintf("team-%d", w.rand.IntN(4)), Labels: w.strings("label", 3),
		},
		Spec: v1.PodSpec{NodeName: node, Priority: new(int32(w.rand.IntN(3) - 1))},
	}
	if w.rand.IntN(2) == 0 {
		pod.OwnerReferences = []metav1.OwnerReference{
			{Kind: "Other", Name: "not-the-controller"},
			{Kind: "ReplicaSet", Name: fmt.Sprintf("set-%d", w.rand.IntN(5)), Controller: new(true)},
		}
	}
	for range 1 + w.rand.IntN(2) {
		pod.Spec.Containers = append(pod.Spec.Containers, v1.Container{
			Resources: v1.ResourceRequirements{Requests: w.resources()}, Ports: w.ports(n),
		})
	}
	return pod
}

// ports never clash within a node, as the scheduler sees to.
func (w *world) ports(n int) (out []v1.ContainerPort) {
	protocols := []v1.Protocol{v1.ProtocolTCP, v1.ProtocolUDP, v1.ProtocolSCTP, ""}
	ips := []string{"", "10.0.0.1"}
	for range w.rand.IntN(3) {
		out = append(out, v1.ContainerPort{
			ContainerPort: 80, HostPort: int32(w.rand.IntN(2) * (20*n + w.rand.IntN(20))),
			Protocol: protocols[w.rand.IntN(4)], HostIP: ips[w.rand.IntN(2)],
		})
	}
	return out
}

func (w *world) addPod(pod *v1.Pod) {
	w.must(w.cache.AddPod(klog.Background(), pod))
	w.pods[pod.UID] = pod
}

func (w *world) removePod(pod *v1.Pod) {
	w.must(w.cache.RemovePod(klog.Background(), pod))
	delete(w.pods, pod.UID)
}

func (w *world) changePod(old *v1.Pod) {
	pod := old.DeepCopy()
	pod.Labels = w.strings("label", 3)
	w.must(w.cache.UpdatePod(klog.Background(), old, pod))
	w.pods[pod.UID] = pod
}
