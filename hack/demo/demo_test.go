// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

const refusal = "0/20 nodes are available: 20 node(s) are outside zone-d (zone-affinity)."

// good is a run in which every pod is where the policies want it.
func good(t *testing.T) map[string]place {
	t.Helper()
	byName := map[string]*corev1.Node{}
	for _, node := range nodes() {
		byName[node.Name] = node
	}
	return map[string]place{
		"shop": {node: byName["node-00"]}, "billing": {node: byName["node-01"]}, "search": {node: byName["node-02"]},
		"training-one": {node: byName["node-04"]}, "training-two": {node: byName["node-04"]},
		"batch-one": {node: byName["node-00"]}, "batch-two": {node: byName["node-00"]}, "batch-three": {node: byName["node-00"]},
		"lucky-7": {node: byName["node-17"]}, "report-5": {node: byName["node-05"]},
		lost: {reason: refusal},
	}
}

func results(t *testing.T, places map[string]place) []result {
	t.Helper()
	pods, err := pods()
	if err != nil {
		t.Fatal(err)
	}
	var all []result
	for _, pod := range pods {
		p, ok := places[pod.Name]
		if !ok {
			t.Fatalf("pod %s has no place in this test", pod.Name)
		}
		all = append(all, result{pod: pod, stowage: p, stock: place{node: nodes()[3]}})
	}
	if len(all) != len(places) {
		t.Fatalf("the files have %d pods, this test %d", len(all), len(places))
	}
	return all
}

func TestCheck(t *testing.T) {
	all := nodes()
	tests := map[string]struct {
		pod  string
		to   place
		want []string
	}{
		"nothing wrong": {pod: "shop", to: place{node: all[3]}},
		"wrong zone": {
			pod: "shop", to: place{node: all[1]},
			want: []string{`zone-affinity: pod shop wants stowage.dev/zone=zone-a and is on node-01 with "zone-b"`},
		},
		"wrong pool and apart": {
			pod: "training-two", to: place{node: all[0]},
			want: []string{
				`zone-affinity: pod training-two wants stowage.dev/pool=gpu and is on node-00 with "general"`,
				"binpack: the pods of training are on 2 nodes, want 1",
			},
		},
		"wrong digit": {
			pod: "lucky-7", to: place{node: all[8]},
			want: []string{"node-number: pod lucky-7 is on node-08, want a node that ends in 7"},
		},
		"not placed": {
			pod: "search", to: place{reason: "no room"},
			want: []string{"pod search was not placed: no room"},
		},
		"placed although nobody allows it": {
			pod: lost, to: place{node: all[0]},
			want: []string{"zone-affinity: pod atlantis runs on node-00, want it nowhere"},
		},
		"refused by something else": {
			pod: lost, to: place{reason: "no room"},
			want: []string{`zone-affinity: the event of pod atlantis does not name the policy: "no room"`},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			places := good(t)
			places[tc.pod] = tc.to
			if diff := cmp.Diff(tc.want, check(results(t, places))); diff != "" {
				t.Errorf("problems differ (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestReport(t *testing.T) {
	places := good(t)
	places[lost] = place{reason: strings.Repeat(refusal+" ", 5)}
	got := report(results(t, places))
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width+8 {
			t.Errorf("line of %d characters, want at most %d: %s", n, width+8, line)
		}
	}
	for _, want := range []string{"node-05 zone-c", "node-04 zone-b gpu", "(Pending, see below)", "atlantis stays Pending", "outside zone-d"} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
}

func TestTwinLeavesThePodAlone(t *testing.T) {
	pods, err := pods()
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods {
		before := pod.DeepCopy()
		got := twin(pod)
		if diff := cmp.Diff(before, pod); diff != "" {
			t.Errorf("making a twin changed pod %s (-want,+got):\n%s", pod.Name, diff)
		}
		if pod.Spec.SchedulerName != "stowage" || got.Spec.SchedulerName != twinScheduler || got.Namespace == pod.Namespace {
			t.Errorf("pod %s is for %s, its twin for %s in %s", pod.Name, pod.Spec.SchedulerName, got.Spec.SchedulerName, got.Namespace)
		}
	}
}
