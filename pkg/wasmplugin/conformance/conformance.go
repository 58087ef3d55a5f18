// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package conformance is the suite that the conformance guest of every SDK must pass, whatever
// its language. Such a guest does what the annotations of the pod ask of it; the comment of
// sdk/go/conformance/main.go is the specification.
//
// The guest runs in the plugin that the scheduler runs, over the scheduler's own cache (see
// policytest), so the suite covers the host as much as the guest. It is test support: it
// imports testing and k8s.io/kubernetes, and nothing outside of tests may import it.
//
// Ownership: Run keeps nothing, and what it opens is closed when the test ends.
//
// Concurrency: Run may be called by tests that run in parallel.
package conformance

import (
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/policytest"
)

// suite is one policy over one cluster, whose nodes and pods each group of tests replaces: the
// policy's guests serve everything that follows, as they do in a scheduler that runs for long.
type suite struct {
	module  string
	cluster *policytest.Cluster
	policy  *policytest.Policy
}

// Run tests the guest in a file.
func Run(t *testing.T, module string) {
	t.Helper()
	cluster := policytest.NewCluster(t, nil)
	s := &suite{module, cluster, cluster.MustLoadArgs(generous(module))}
	for _, group := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"Fields", testFields},
		{"Config", testConfig},
		{"Outcomes", testOutcomes},
		{"Scores", testScores},
		{"Faults", testFaults},
		{"Texts", testTexts},
		{"State", testState},
		{"ManyNodes", testManyNodes},
		{"Changes", testChanges},
		{"Workers", testWorkers},
	} {
		t.Run(group.name, func(t *testing.T) { group.test(t, s) })
	}
}

// asking is a copy of a pod with annotations "conformance/<key>", given as key and value in turn.
func asking(pod *v1.Pod, annotations ...string) *v1.Pod {
	pod = pod.DeepCopy()
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	for i := 0; i < len(annotations); i += 2 {
		pod.Annotations["conformance/"+annotations[i]] = annotations[i+1]
	}
	return pod
}

// begin runs PreFilter for a pod, which must pass.
func begin(t *testing.T, p *policytest.Policy, pod *v1.Pod) *policytest.Attempt {
	t.Helper()
	a := p.Start(pod)
	if _, status := a.PreFilter(); status != "" {
		t.Fatalf("PreFilter: %s", status)
	}
	return a
}

// echo is what the guest reads in a field, on every node.
func echo(t *testing.T, p *policytest.Policy, field string) map[string]string {
	t.Helper()
	return begin(t, p, asking(somePod(), "echo", field)).FilterAll()
}

// onAll is a map with the same value for every node of the attempt.
func onAll[T any](a *policytest.Attempt, v T) map[string]T {
	m := map[string]T{}
	for _, info := range a.Nodes {
		m[info.Node().Name] = v
	}
	return m
}

// generous args let the guest write out whole records for each node, which no policy does.
func generous(module string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"stowage.dev/v1alpha1","kind":"WasmPluginArgs","module":{"file":{"path":%q}},
		"capabilities":["log","nodeAnnotations","nodePods"],
		"limits":{"fuel":{"perCall":1000000000,"perNode":10000000},"deadline":"10s"}}`, module)
}
