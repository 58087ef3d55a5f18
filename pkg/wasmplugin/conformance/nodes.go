// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// testManyNodes checks batches of many sizes, at the borders of the host's chunks too, while
// the cluster grows.
func testManyNodes(t *testing.T, s *suite) {
	p, nodes := s.policy, scored(1000)
	s.cluster.Reset(nil)
	if got := attempt(p, asking(somePod(), "score-label", "score", "normalize", "top")); len(got.Scores) != 0 || got.Scoring != "" {
		t.Errorf("without nodes: %+v", got)
	}
	have := 0
	for _, n := range []int{1, 2, 63, 64, 65, 128, 129, 200, 1000} {
		for ; have < n; have++ {
			s.cluster.SetNode(nodes[have])
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			wantNames(t, p, nodes[:n])
			a := begin(t, p, asking(somePod(), "score-label", "score", "normalize", "top"))
			want := map[string]int64{}
			for i, node := range nodes[:n] {
				want[node.Name] = int64(i * 100 / max(1, n-1))
			}
			got, status := a.Scores(a.Nodes)
			if diff := cmp.Diff(want, got); diff != "" || status != "" {
				t.Errorf("status %q, scores (-want,+got):\n%s", status, diff)
			}
		})
	}
}

// wantNames lets each node be asked for its own name, from the end of the list and each also
// as a copy, and checks which nodes the guest sees in all. There must be a node.
func wantNames(t *testing.T, p *policytest.Policy, nodes []*v1.Node) {
	t.Helper()
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	a := begin(t, p, asking(somePod(), "echo", "node.name"))
	for i := range a.Nodes {
		info := a.Nodes[len(a.Nodes)-1-i]
		for _, got := range []string{a.Filter(info), a.Filter(withPod(t, info, somePod())), a.Filter(info)} {
			if want := refused(info.Node().Name); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
	all := strings.Join(names, "; ")
	all = all[:min(len(all), maxReason)]
	a = begin(t, p, asking(somePod(), "echo", "nodes"))
	if diff := cmp.Diff(refused(all), a.Filter(a.Nodes[0])); diff != "" {
		t.Errorf("nodes (-want,+got):\n%s", diff)
	}
}

// testWorkers lets the framework's workers ask at the same time; each guest answers alone.
func testWorkers(t *testing.T, s *suite) {
	const nodes, workers, rounds = 300, 8, 4
	s.cluster.Reset(scored(nodes))
	for round := range rounds {
		pod := asking(somePod(), "echo", "node.labels")
		pod.Name = fmt.Sprintf("p%d", round)
		a := begin(t, s.policy, pod)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := range nodes {
					info := a.Nodes[(i*(1+w%3)+w*nodes/workers)%nodes]
					if got, want := a.Filter(info), refused(fmt.Sprintf(`"score"=%q`, info.Node().Labels["score"])); got != want {
						t.Errorf("%s: got %q, want %q", info.Node().Name, got, want)
					}
				}
			})
		}
		wg.Wait()
	}
}
