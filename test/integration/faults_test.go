// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// A scheduler is killed while pods are being scheduled, and another takes over: every pod is
// bound, in its zone, and never to a second node.
func TestKilledSchedulerIsContinued(t *testing.T) {
	const pods = 150
	c := cluster.ForTest(t)
	var nodes []*corev1.Node
	for i := range 9 {
		nodes = append(nodes, cluster.MakeNode(fmt.Sprintf("node-%d", i)).Zone(string(rune('a'+i%3))).Obj())
	}
	createNodes(t, c, nodes...)
	bound := watchBindings(t, c)
	config := profile{name: "stowage", policies: []policy{zoneAffinity}}
	first := startScheduler(t, c, config)
	for i := range pods {
		create(t, c, pod(fmt.Sprintf("pod-%d", i), "stowage", "10m", inZone(string(rune('a'+i%3)))))
		if i == pods/3 {
			if first.Kill() == 0 {
				t.Fatal("the killed scheduler exited with 0")
			}
		}
	}
	startScheduler(t, c, config)
	for i := range pods {
		node := nodeOf(t, c, fmt.Sprintf("pod-%d", i))
		var n int
		if _, err := fmt.Sscanf(node, "node-%d", &n); err != nil || n%3 != i%3 {
			t.Errorf("pod-%d is on %s, which is not in its zone", i, node)
		}
	}
	for name, nodes := range bound() {
		if len(nodes) != 1 {
			t.Errorf("%s was bound to %v", name, nodes)
		}
	}
}

// watchBindings collects each node that a pod was ever seen on, by pod.
func watchBindings(t *testing.T, c *cluster.Cluster) func() map[string]map[string]bool {
	t.Helper()
	w, err := c.Client().CoreV1().Pods("default").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan map[string]map[string]bool)
	go func() {
		seen := map[string]map[string]bool{}
		for e := range w.ResultChan() {
			if p, ok := e.Object.(*corev1.Pod); ok && e.Type != watch.Deleted && p.Spec.NodeName != "" {
				if seen[p.Name] == nil {
					seen[p.Name] = map[string]bool{}
				}
				seen[p.Name][p.Spec.NodeName] = true
			}
		}
		done <- seen
	}()
	return func() map[string]map[string]bool {
		w.Stop()
		return <-done
	}
}

// A policy that breaks down costs its pod an error; other pods go on.
func TestBrokenPolicyHurtsItsPodOnly(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, threeZones()...)
	s := startScheduler(t, c, profile{name: "stowage", policies: []policy{{name: "fragile", module: "probe", config: "{}"}}})
	create(t, c, pod("bad", "stowage", "10m", map[string]string{"probe/panic": "filter"}))
	got := refusal(t, c, "bad")
	for _, want := range []string{`running "fragile" filter plugin`, "trap in stowage_filter", "the pod asked for a panic in filter"} {
		if !strings.Contains(got, want) {
			t.Errorf("event %q does not contain %q", got, want)
		}
	}
	for i := range 10 {
		name := fmt.Sprintf("good-%d", i)
		create(t, c, pod(name, "stowage", "10m", nil))
		nodeOf(t, c, name)
	}
	if log := s.Log(); !strings.Contains(log, "Policy broke down") || !strings.Contains(log, "main.act") {
		t.Error("the log does not show the guest's stack")
	}
}

// Mistakes are listed, all at once, before anything connects.
func TestBadConfigurationStopsTheProcess(t *testing.T) {
	c := cluster.ForTest(t)
	started := time.Now()
	s, err := c.StartScheduler(context.Background(), cluster.SchedulerOptions{NoWait: true, ConfigFile: writeConfig(t, []profile{{
		name: "stowage",
		policies: []policy{
			{name: "one", module: "no-such", config: "{}"},
			{name: "two", module: "probe", config: "3"},
		},
	}})})
	if err != nil {
		t.Fatal(err)
	}
	if code := s.Wait(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	t.Logf("stopped after %v", time.Since(started))
	for _, want := range []string{"profiles[0].pluginConfig[0].args.module.file.path", "profiles[0].pluginConfig[1].args.config"} {
		if !strings.Contains(s.Log(), want) {
			t.Errorf("the log does not name %s:\n%s", want, s.Log())
		}
	}
}
