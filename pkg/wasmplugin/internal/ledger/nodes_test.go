// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

func TestNodes(t *testing.T) {
	for name, play := range map[string]func(*stage, *v1.Pod){
		"a lower generation": func(s *stage, pod *v1.Pod) {
			gen := s.node.Generation
			s.node.AddPod(pod)
			s.sync()
			s.pods(2)
			s.remove(pod)
			s.node.Generation = gen
			s.sync()
			s.pods(1)
		},
		"another object of the same generation": func(s *stage, pod *v1.Pod) {
			clone := s.node.SnapshotConcrete()
			gen := clone.Generation
			clone.AddPod(pod)
			clone.Generation = gen
			s.Sync(listOf(clone))
			s.pods(2)
			s.sync()
			s.pods(1)
		},
		"changed in place": func(s *stage, pod *v1.Pod) {
			s.inPlace(func() { s.node.AddPod(pod) })
			s.sync()
			s.pods(1)
			s.Dirty("node")
			s.Dirty("nowhere")
			s.sync()
			s.pods(2)
		},
		"gone and back": func(s *stage, pod *v1.Pod) {
			s.Sync(nil)
			s.pods(0)
			s.Sync(listOf(nodeOf("node", pod, cpuPod("c"))))
			s.pods(2)
		},
		"others before and after it": func(s *stage, pod *v1.Pod) {
			s.Sync(listOf(nodeOf("before", pod), s.node, nodeOf("after", cpuPod("c"))))
			s.pods(3)
			s.Sync(listOf(nodeOf("after", cpuPod("c")), s.node))
			s.pods(2)
		},
		"without a Node, and a name twice": func(s *stage, pod *v1.Pod) {
			anonymous, twin := framework.NewNodeInfo(pod), nodeOf("node", cpuPod("c"))
			for range 3 {
				s.Sync(listOf(anonymous, s.node, twin))
				s.pods(3)
				s.Sync(listOf(twin, anonymous))
				s.pods(2)
			}
		},
		"relabeled": func(s *stage, pod *v1.Pod) {
			team := s.Account("team")
			for _, value := range []string{"red", "blue"} {
				pod.ObjectMeta = metav1.ObjectMeta{UID: "a", Namespace: "ns", Labels: map[string]string{"team": value}}
				s.node.AddPod(pod.DeepCopy())
				s.sync()
				if got := s.Used(team, value, "pods"); got != 1 {
					s.Errorf("%d pods of %s, want 1", got, value)
				}
				s.remove(pod)
			}
			if got := s.Used(team, "red", "pods"); got != 0 {
				s.Errorf("%d pods of red, want 0", got)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { play(newStage(t, cpuPod("b")), cpuPod("a")) })
	}
}
