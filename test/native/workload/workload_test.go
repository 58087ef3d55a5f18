// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/stowage-scheduler/stowage/test/native/rules"
)

var options = Options{Seed: 1, Nodes: 500, Pods: 5000, Phases: 10, Calm: 24, Crowded: 4}

func TestGenerateFollowsFromTheSeed(t *testing.T) {
	a, b := Generate(options), Generate(options)
	if !equality.Semantic.DeepEqual(a, b) {
		t.Error("two workloads of one seed differ")
	}
	if len(a.Nodes) != options.Nodes || a.Pods != options.Pods || len(a.Phases) != options.Phases {
		t.Errorf("it has %d nodes, %d pods and %d phases, want %+v", len(a.Nodes), a.Pods, len(a.Phases), options)
	}
	other := options
	other.Seed++
	if equality.Semantic.DeepEqual(a, Generate(other)) {
		t.Error("another seed makes the same workload")
	}
}

// Ties between victims are broken by chance, and the order of a batch must not depend on how fast it comes.
func TestGenerateLeavesNothingToChance(t *testing.T) {
	taken := map[[2]string]string{}
	for seed := range uint64(5) {
		clear(taken)
		o := options
		o.Seed = seed
		for _, phase := range Generate(o).Phases {
			for _, op := range phase {
				if !slices.IsSortedFunc(op.Create, byPriority) {
					t.Errorf("seed %d: a batch is not sorted by priority", seed)
				}
				pods := op.Create
				if op.Preempt != nil {
					pods = append(pods, op.Preempt)
				}
				for _, pod := range pods {
					key := [2]string{pod.Labels[rules.AppLabel], pod.Spec.PriorityClassName}
					if other := taken[key]; other != "" && key[0] != "" {
						t.Errorf("seed %d: pods %s and %s of an application have the same priority", seed, other, pod.Name)
					}
					taken[key] = pod.Name
				}
			}
		}
	}
}
