// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/test/native/rules"
	"github.com/stowage-scheduler/stowage/test/native/workload"
)

// look is a copy of what pods there are.
func (s *store) look() (seen *snapshot) {
	s.read(func(now *snapshot) {
		seen = &snapshot{pods: maps.Clone(now.pods), gone: now.gone}
	})
	return seen
}

// waiting is how many pods of an application have no node and are not held.
func (s *snapshot) waiting(app string) (n int) {
	for _, pod := range s.pods {
		if pod.Labels[rules.AppLabel] == app && pod.Spec.NodeName == "" && !held(pod) {
			n++
		}
	}
	return n
}

// held tells whether the policy keeps a pod out of the queue.
func held(pod *v1.Pod) bool { return pod.Labels[rules.GateLabel] != "" }

// on is the pods on a node, by name.
func (s *snapshot) on(node string) []*v1.Pod {
	return s.where(func(pod *v1.Pod) bool { return pod.Spec.NodeName == node })
}

// some is the pods that an operation deletes: some of those that run, and no urgent ones.
func (s *snapshot) some(d *workload.Delete) []*v1.Pod {
	pods := s.where(func(pod *v1.Pod) bool {
		return pod.Labels[rules.AppLabel] == d.App && pod.Spec.NodeName != ""
	})
	slices.SortStableFunc(pods, func(a, b *v1.Pod) int { return cmp.Compare(hash(d.Salt, a.Name), hash(d.Salt, b.Name)) })
	return pods[:min(d.N, len(pods))]
}

func (s *snapshot) where(wanted func(*v1.Pod) bool) (pods []*v1.Pod) {
	for _, name := range slices.Sorted(maps.Keys(s.pods)) {
		if pod := s.pods[name]; wanted(pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}

func hash(salt uint64, name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strconv.FormatUint(salt, 16) + name)) // never fails
	return h.Sum64()
}
