// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
	"k8s.io/kubernetes/pkg/scheduler/util"
)

// before tells whether one victim is to be spared before another: the one of lower rank; between
// equals, the one that the scheduler finds more important.
func (d *dryRun) before(a, b *preemption.DomainVictim) bool {
	if x, y := d.rank(a.Pods()), d.rank(b.Pods()); x != y {
		return x < y
	}
	return preemption.MoreImportantVictim(a, b)
}

// inOrder sorts victims by who is to be spared first.
func (d *dryRun) inOrder(victims []*preemption.DomainVictim) []*preemption.DomainVictim {
	sortBy(victims, d.before)
	return victims
}

func sortBy[T any](list []T, before func(a, b T) bool) {
	slices.SortFunc(list, func(a, b T) int {
		switch {
		case before(a, b):
			return -1
		case before(b, a):
			return 1
		}
		return 0
	})
}

// OrderedScoreFuncs is the scheduler's criteria for choosing between nodes, with one more: nodes whose
// victims all have high ranks are better. With ranks that follow from priorities it changes nothing.
func (d *dryRun) OrderedScoreFuncs(_ context.Context, on map[string]*extenderv1.Victims) []func(node string) int64 {
	return []func(string) int64{
		func(node string) int64 { return -on[node].NumPDBViolations },
		func(node string) int64 { return int64(d.lowest(on[node].Pods)) },
		func(node string) int64 { return -highestPriority(on[node].Pods) },
		func(node string) int64 { return -sumOfPriorities(on[node].Pods) },
		func(node string) int64 { return -int64(len(on[node].Pods)) },
		func(node string) int64 { return latestStart(on[node]) },
	}
}

func (d *dryRun) lowest(pods []*v1.Pod) uint32 {
	lowest := uint32(math.MaxUint32)
	for _, pod := range pods {
		lowest = min(lowest, d.ranks[pod.UID])
	}
	return lowest
}

func highestPriority(pods []*v1.Pod) int64 {
	highest := int64(math.MinInt64)
	for _, pod := range pods {
		highest = max(highest, int64(corev1helpers.PodPriority(pod)))
	}
	return highest
}

// sumOfPriorities makes priorities positive, so that more victims are never better.
func sumOfPriorities(pods []*v1.Pod) (sum int64) {
	for _, pod := range pods {
		sum += int64(corev1helpers.PodPriority(pod)) + math.MaxInt32 + 1
	}
	return sum
}

func latestStart(victims *extenderv1.Victims) int64 {
	if t := util.GetEarliestPodStartTime(victims); t != nil {
		return t.UnixNano()
	}
	return math.MinInt64
}
