// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"
)

func TestReservations(t *testing.T) {
	for name, play := range map[string]func(*stage, *v1.Pod){
		"bound": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "node")
			s.pods(1)
			s.node.AddPod(pod)
			s.sync()
			s.pods(1)
			s.forgotten()
			s.Unreserve(pod.UID, "node") // the snapshot's word counts
			s.pods(1)
			s.remove(pod)
			s.sync()
			s.pods(0)
		},
		"undone before a snapshot shows it": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "node")
			s.Unreserve(pod.UID, "node")
			s.pods(0)
			s.Unreserve(pod.UID, "node")
			s.pods(0)
		},
		"never reserved": func(s *stage, pod *v1.Pod) {
			s.Unreserve(pod.UID, "node")
			s.Unreserve(pod.UID, "")
			s.sync()
			s.pods(0)
		},
		"the snapshot is of before": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "node")
			s.Dirty("node")
			s.sync()
			s.pods(1)
		},
		"bound and deleted before a snapshot shows it": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "node")
			s.node.AddPod(pod)
			s.remove(pod)
			s.sync()
			s.pods(0)
			s.forgotten()
		},
		"the node goes before a snapshot shows it": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "node")
			s.Sync(listOf(nodeOf("other")))
			s.pods(0)
			s.forgotten()
		},
		"on a node that was never listed": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "nowhere")
			s.pods(1)
			s.sync()
			s.pods(0)
			s.forgotten()
		},
		"reserved by each policy": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "node")
			s.Reserve(pod, "node")
			s.Reserve(pod.DeepCopy(), "node")
			s.pods(1)
		},
		"moved": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "node")
			s.Reserve(pod, "other")
			s.pods(1)
			s.Unreserve(pod.UID, "other")
			s.pods(0)
			s.forgotten()
		},
		"simulated": func(s *stage, pod *v1.Pod) {
			for range 3 {
				s.inPlace(func() { s.node.AddPod(pod) })
				s.Reserve(pod, "node")
				s.Dirty("node")
				s.sync()
				s.pods(1)
				s.Reserve(pod.DeepCopy(), "node")
				s.pods(1)
				s.sync()
				s.pods(1)
				s.Unreserve(pod.UID, "node")
				s.pods(0)
				s.inPlace(func() { s.remove(pod) })
				s.sync()
				s.pods(0)
			}
		},
		"simulated, then reserved without another Sync": func(s *stage, pod *v1.Pod) {
			s.inPlace(func() { s.node.AddPod(pod) })
			s.Dirty("node")
			s.sync() // nobody told of the simulation
			s.pods(1)
			s.inPlace(func() { s.remove(pod) })
			s.Reserve(pod, "node")
			s.pods(1)
			s.Dirty("node")
			s.sync()
			s.pods(1)
			s.Unreserve(pod.UID, "node")
			s.pods(0)
		},
		"shown, and then not any more while it is reserved": func(s *stage, pod *v1.Pod) {
			s.Reserve(pod, "node")
			s.inPlace(func() { s.node.AddPod(pod) })
			s.Dirty("node")
			s.sync()
			s.pods(1)
			s.inPlace(func() { s.remove(pod) })
			s.Dirty("node")
			s.sync()
			s.pods(1)
			s.Unreserve(pod.UID, "node")
			s.pods(0)
			s.forgotten()
		},
		"simulated in a cycle without a Sync": func(s *stage, pod *v1.Pod) {
			s.node.SetNode(s.node.Node()) // another generation
			s.inPlace(func() { s.node.AddPod(pod) })
			s.Reserve(pod, "node")
			s.sync()
			s.pods(1)
			s.Unreserve(pod.UID, "node")
			s.inPlace(func() { s.remove(pod) })
			s.sync()
			s.pods(0)
			s.forgotten()
		},
		"undone while its node's count is not that of the pod": func(s *stage, pod *v1.Pod) {
			s.inPlace(func() { s.node.AddPod(pod) })
			s.Dirty("node")
			s.sync()
			s.Reserve(pod, "node")
			s.inPlace(func() { s.remove(pod) })
			s.Unreserve(pod.UID, "elsewhere")
			s.sync()
			s.pods(0)
		},
		"a way comes late": func(s *stage, pod *v1.Pod) {
			pod.Labels = map[string]string{"team": "red"}
			s.Reserve(pod, "node")
			team := s.Account("team")
			if got := s.Used(team, "red", "pods"); got != 1 {
				s.Errorf("%d pods of the late way, want 1", got)
			}
			s.Unreserve(pod.UID, "node")
			if got := s.Used(team, "red", "pods"); got != 0 {
				s.Errorf("%d pods of the late way, want 0", got)
			}
		},
		"a way comes while the pod is simulated": func(s *stage, pod *v1.Pod) {
			pod.Labels = map[string]string{"team": "red"}
			s.inPlace(func() { s.node.AddPod(pod) })
			s.Reserve(pod, "node")
			s.Dirty("node")
			s.sync()
			team := s.Account("team")
			s.Unreserve(pod.UID, "node")
			if got := s.Used(team, "red", "pods"); got != 0 {
				s.Errorf("%d pods of the late way, want 0", got)
			}
			s.pods(0)
		},
	} {
		t.Run(name, func(t *testing.T) { play(newStage(t), cpuPod("a")) })
	}
}
