// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// gangPolicy is the sample with a timeout of some seconds.
func gangPolicy(timeout string) policy {
	return policy{
		name: "gang", module: "gang", config: "{timeoutSeconds: " + timeout + "}",
		more: `capabilities: ["objects:pods", waitingPods, wake]`,
	}
}

func gangPod(name, cpu string) *corev1.Pod {
	return pod(name, "stowage", cpu, map[string]string{"stowage.dev/gang": "train", "stowage.dev/gang-size": "3"})
}

func TestGangStartsWhenItIsComplete(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, cluster.MakeNode("node-1").Obj())
	startScheduler(t, c, profile{name: "stowage", policies: []policy{gangPolicy("60")}})
	wrong := pod("wrong", "stowage", "1", map[string]string{"stowage.dev/gang": "other", "stowage.dev/gang-size": "many"})
	create(t, c, gangPod("gang-1", "1"), gangPod("gang-2", "1"), wrong, pod("alone", "stowage", "1", nil))
	nodeOf(t, c, "alone")
	if got, want := refusal(t, c, "wrong"), `label stowage.dev/gang-size is "many"`; !strings.Contains(got, want) {
		t.Errorf("event %q does not contain %q", got, want)
	}
	for _, name := range []string{"gang-1", "gang-2"} {
		if p := get(t, c, name); p.Spec.NodeName != "" || cluster.Rejected(p) {
			t.Errorf("%s was tried before its gang was complete", name)
		}
	}
	create(t, c, gangPod("gang-3", "1"))
	for _, name := range []string{"gang-1", "gang-2", "gang-3"} {
		nodeOf(t, c, name)
	}
	create(t, c, gangPod("gang-4", "1"))
	nodeOf(t, c, "gang-4")
}

// Two of three fit. They keep the node for themselves until their time is over, and then leave it to others.
func TestGangThatGivesUpReleasesItsNodes(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, cluster.MakeNode("node-1").Obj())
	startScheduler(t, c, profile{name: "stowage", policies: []policy{gangPolicy("4")}})
	gang := []string{"gang-1", "gang-2", "gang-3"}
	for _, name := range gang {
		create(t, c, gangPod(name, "4"))
	}
	waitForMessages(t, c, gang, "Insufficient cpu")
	create(t, c, pod("other", "stowage", "8", nil))
	if got := refusal(t, c, "other"); !strings.Contains(got, "Insufficient cpu") {
		t.Errorf("while the gang waits, another pod was refused with %q", got)
	}
	waitForMessages(t, c, gang, "rejected due to timeout", "another pod of gang train gave up its node")
	nodeOf(t, c, "other")
	for _, name := range gang {
		if p := get(t, c, name); p.Spec.NodeName != "" {
			t.Errorf("%s has a node, and its gang has not", name)
		}
	}
	createNodes(t, c, cluster.MakeNode("node-2").Capacity("12", "32Gi").Obj())
	for _, name := range gang {
		if got := nodeOf(t, c, name); got != "node-2" {
			t.Errorf("%s is on %s, want node-2", name, got)
		}
	}
}

// Two wait with nodes for a third, which finds none and is deleted.
func TestGangThatLosesAPodReleasesItsNodes(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, cluster.MakeNode("node-1").Obj())
	startScheduler(t, c, profile{name: "stowage", policies: []policy{gangPolicy("300")}})
	gang := []string{"gang-1", "gang-2", "gang-3"}
	for _, name := range gang {
		create(t, c, gangPod(name, "4"))
	}
	waitForMessages(t, c, gang, "Insufficient cpu")
	gone := slices.IndexFunc(gang, func(name string) bool { return cluster.Rejected(get(t, c, name)) })
	remove(t, c, gang[gone])
	waitForMessages(t, c, slices.Delete(gang, gone, gone+1), "gang train has 2 of 3 pods")
	create(t, c, pod("other", "stowage", "8", nil))
	nodeOf(t, c, "other")
}

// waitForMessages waits until some pod of the list was refused for each of the reasons.
func waitForMessages(t *testing.T, c *cluster.Cluster, pods []string, reasons ...string) {
	t.Helper()
	seen := map[string]bool{}
	eventually(t, "refusals because of "+strings.Join(reasons, ", "), func(context.Context) (bool, error) {
		for _, name := range pods {
			message := cluster.Unschedulable(get(t, c, name))
			for _, reason := range reasons {
				seen[reason] = seen[reason] || strings.Contains(message, reason)
			}
		}
		return !slices.ContainsFunc(reasons, func(reason string) bool { return !seen[reason] }), nil
	})
}

func get(t *testing.T, c *cluster.Cluster, name string) *corev1.Pod {
	t.Helper()
	p, err := c.Client().CoreV1().Pods("default").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Of four pods that wait, the node has room for two and later for a third.
func TestPriorityQueueOrdersByClassAndAge(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, cluster.MakeNode("node-1").Obj())
	startSorted(t, c, policy{name: "priority-queue", module: "priority-queue", config: "{}"})
	create(t, c, pod("first", "stowage", "8", nil))
	nodeOf(t, c, "first")
	classed := func(name, class string) *corev1.Pod {
		return pod(name, "stowage", "4", map[string]string{"stowage.dev/class": class})
	}
	create(t, c, classed("low", "low"), classed("normal-old", "normal"))
	time.Sleep(1100 * time.Millisecond) // a pod's age is known in seconds
	create(t, c, classed("normal-young", "unknown"), classed("high", "high"))
	for _, name := range []string{"low", "normal-old", "normal-young", "high"} {
		waitForPod(t, c, name, cluster.Rejected)
	}
	for _, step := range []struct {
		gone string
		want []string
	}{
		{"first", []string{"high", "normal-old"}},
		{"high", []string{"normal-young"}},
	} {
		time.Sleep(2200 * time.Millisecond) // pods in backoff have an order of their own
		remove(t, c, step.gone)
		for _, name := range step.want {
			nodeOf(t, c, name)
		}
	}
	if p := get(t, c, "low"); p.Spec.NodeName != "" {
		t.Error("the pod of the lowest class has a node too")
	}
}

// startSorted runs a scheduler whose queue a policy sorts. There is one queue, so the policy takes the
// place of the built-in plugin.
func startSorted(t *testing.T, c *cluster.Cluster, sorter policy) {
	t.Helper()
	path := writeConfig(t, []profile{{name: "stowage", policies: []policy{sorter}}})
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	config = bytes.Replace(config, []byte("multiPoint:\n"), []byte("multiPoint:\n      disabled: [{name: PrioritySort}]\n"), 1)
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.StartScheduler(t.Context(), cluster.SchedulerOptions{ConfigFile: path}); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, c *cluster.Cluster, name string) {
	t.Helper()
	now := int64(0)
	if err := c.Client().CoreV1().Pods("default").Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
}

func TestRateLimitPacesANamespace(t *testing.T) {
	const every = 2 * time.Second
	c := cluster.ForTest(t)
	createNodes(t, c, cluster.MakeNode("node-1").Obj())
	startScheduler(t, c, profile{name: "stowage", policies: []policy{{
		name: "rate-limit", module: "rate-limit", config: "{perMinute: 30, burst: 2}", more: "capabilities: [clock, sharedData, wake]",
	}}})
	names := []string{"pod-1", "pod-2", "pod-3", "pod-4"}
	began := time.Now()
	for _, name := range names {
		create(t, c, pod(name, "stowage", "1", nil))
	}
	elsewhere := pod("elsewhere", "stowage", "1", nil)
	elsewhere.Namespace = "kube-system"
	create(t, c, elsewhere)
	if _, err := c.WaitForPod(t.Context(), "kube-system", "elsewhere", cluster.Running); err != nil {
		t.Error(err)
	}
	waitForMessages(t, c, names, "namespace default starts at most 30 pods per minute, and 2 at once")
	for n := range len(names) - 1 {
		// All of the burst, and then one more each time.
		eventually(t, "more pods to start", func(context.Context) (bool, error) { return placed(t, c, names) >= n+2, nil })
		got, passed := placed(t, c, names), time.Since(began)
		if most := 2 + int(passed/every); got > most {
			t.Errorf("%d pods have a node after %v, want at most %d", got, passed, most)
		}
	}
	if passed := time.Since(began); passed > 2*every+5*time.Second {
		t.Errorf("the last pod started after %v, want about %v", passed, 2*every)
	}
}

// placed is how many of the pods have a node.
func placed(t *testing.T, c *cluster.Cluster, pods []string) (n int) {
	t.Helper()
	for _, name := range pods {
		if get(t, c, name).Spec.NodeName != "" {
			n++
		}
	}
	return n
}

func TestLicensesAreSharedByTheirSeats(t *testing.T) {
	c := cluster.ForTest(t)
	createNodes(t, c, cluster.MakeNode("node-1").Obj(), cluster.MakeNode("node-2").Obj())
	setSeats(t, c, "2")
	startScheduler(t, c, profile{name: "stowage", policies: []policy{{
		name: "licenses", module: "reserve-license", config: "{configMap: {namespace: default, name: licenses}}",
		more: `capabilities: [ledger, "objects:configmaps"]`,
	}}})
	licensed := func(name, license string) *corev1.Pod {
		return pod(name, "stowage", "1", map[string]string{"stowage.dev/license": license})
	}
	create(t, c, licensed("user-1", "matlab"), licensed("user-2", "matlab"))
	nodeOf(t, c, "user-1")
	nodeOf(t, c, "user-2")
	create(t, c, licensed("user-3", "matlab"), licensed("stranger", "ansys"), pod("free", "stowage", "1", nil))
	nodeOf(t, c, "free")
	wantRefusal(t, c, "user-3", "license matlab: 2 of 2 seats in use")
	wantRefusal(t, c, "stranger", "license ansys is not in ConfigMap default/licenses")
	setSeats(t, c, "3")
	nodeOf(t, c, "user-3")
	create(t, c, licensed("user-4", "matlab"))
	wantRefusal(t, c, "user-4", "license matlab: 3 of 3 seats in use")
	remove(t, c, "user-1")
	nodeOf(t, c, "user-4")
}

func wantRefusal(t *testing.T, c *cluster.Cluster, name, want string) {
	t.Helper()
	if got := refusal(t, c, name); !strings.Contains(got, want) {
		t.Errorf("%s: event %q does not contain %q", name, got, want)
	}
}

// setSeats creates the ConfigMap or changes it.
func setSeats(t *testing.T, c *cluster.Cluster, matlab string) {
	t.Helper()
	maps := c.Client().CoreV1().ConfigMaps("default")
	m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "licenses"}, Data: map[string]string{"matlab": matlab}}
	_, err := maps.Update(t.Context(), m, metav1.UpdateOptions{})
	if err != nil {
		_, err = maps.Create(t.Context(), m, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}
