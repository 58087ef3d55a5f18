// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// allPoints is the guest that acts at every extension point.
var allPoints = policy{
	name: "all-points", module: "points", config: "{}",
	more: "capabilities: [metrics, events, nodePods, preemption, reclaim, bind, 'objects:configmaps']",
}

func startPoints(t *testing.T) (*cluster.Cluster, *cluster.Scheduler) {
	t.Helper()
	c := cluster.ForTest(t)
	return c, startScheduler(t, c, profile{
		name: "stowage", policies: []policy{allPoints},
		first: map[string]string{"bind": "DefaultBinder", "postFilter": "DefaultPreemption"},
	})
}

// labelled is a pod with labels of the guest: "gate=closed".
func labelled(name, cpu string, labels ...string) *corev1.Pod {
	all := map[string]string{}
	for _, l := range labels {
		key, value, _ := strings.Cut(l, "=")
		all["points/"+key] = value
	}
	return pod(name, "stowage", cpu, all)
}

func setPodLabel(t *testing.T, c *cluster.Cluster, name, key, value string) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:%q}}}`, key, value)
	if _, err := c.Client().CoreV1().Pods("default").Patch(t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// counter is a metric of the guest's own.
func counter(t *testing.T, s *cluster.Scheduler, name string) int {
	t.Helper()
	body, err := s.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^stowage_policy_counter_total\{[^}]*name="` + name + `"[^}]*\} (\d+)`).FindSubmatch(body)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

func wantCounter(t *testing.T, s *cluster.Scheduler, name string, want int) {
	t.Helper()
	eventually(t, fmt.Sprintf("metric %s to be %d", name, want), func(context.Context) (bool, error) {
		return counter(t, s, name) == want, nil
	})
}

// A gated pod is not tried, and comes into the queue with the event that the policy declared.
func TestPreEnqueueGates(t *testing.T) {
	c, s := startPoints(t)
	createNodes(t, c, threeZones()...)
	create(t, c, labelled("gated", "100m", "gate=closed"), labelled("free", "100m"))
	nodeOf(t, c, "free")
	if p, err := c.Client().CoreV1().Pods("default").Get(t.Context(), "gated", metav1.GetOptions{}); err != nil || p.Spec.NodeName != "" {
		t.Fatalf("the gated pod is on %q (error %v)", p.Spec.NodeName, err)
	}
	wantCounter(t, s, "reserved", 1)
	eventually(t, "the event that says why", func(ctx context.Context) (bool, error) {
		return strings.Contains(eventNote(ctx, c, "gated", "PolicyGated"), "the gate is closed"), nil
	})
	setPodLabel(t, c, "gated", "points/gate", "open")
	nodeOf(t, c, "gated")
	wantCounter(t, s, "reserved", 2)
}

// The guest answers the hint for the pods that it rejected: a node that does not help wakes none.
func TestQueueingHintsAreTheGuests(t *testing.T) {
	c, s := startPoints(t)
	createNodes(t, c, threeZones()...)
	create(t, c, labelled("picky", "100m", "needs=gpu"))
	if got := refusal(t, c, "picky"); !strings.Contains(got, "the node has no label gpu") {
		t.Errorf("refusal %q", got)
	}
	attempts := func() int { return attemptsOf(t, s) }
	before, hints := attempts(), counter(t, s, "hints")
	createNodes(t, c, cluster.MakeNode("node-d").Obj())
	eventually(t, "the hint about node-d", func(context.Context) (bool, error) { return counter(t, s, "hints") > hints, nil })
	time.Sleep(2 * time.Second) // longer than the pod's backoff
	if got := attempts(); got != before {
		t.Errorf("a node without the label led to %d attempts", got-before)
	}
	createNodes(t, c, cluster.MakeNode("node-e").Label("gpu", "1").Obj())
	if got := nodeOf(t, c, "picky"); got != "node-e" {
		t.Errorf("the pod is on %s, want node-e", got)
	}
}

// attemptsOf is how many scheduling attempts there were.
func attemptsOf(t *testing.T, s *cluster.Scheduler) (n int) {
	t.Helper()
	body, err := s.Get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^scheduler_schedule_attempts_total\{[^}]*\} (\d+)`).FindAllSubmatch(body, -1) {
		count, _ := strconv.Atoi(string(m[1]))
		n += count
	}
	return n
}

// What PreBind rejects is unreserved, and tried again when the object that the policy declared comes.
func TestPreBindAndObjects(t *testing.T) {
	c, s := startPoints(t)
	createNodes(t, c, threeZones()...)
	create(t, c, labelled("seatless", "100m", "no-seat=yes"))
	if got := refusal(t, c, "seatless"); !strings.Contains(got, "rejected by all-points: there is no seat on node-") {
		t.Errorf("refusal %q", got)
	}
	eventually(t, "Unreserve for each Reserve", func(context.Context) (bool, error) {
		n := counter(t, s, "reserved")
		return n > 0 && counter(t, s, "unreserved") == n, nil
	})
	seats := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "seats", Namespace: "default"}}
	if _, err := c.Client().CoreV1().ConfigMaps("default").Create(t.Context(), seats, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	nodeOf(t, c, "seatless")
	wantCounter(t, s, "bound", 1)
}

func TestBindAndPostBind(t *testing.T) {
	c, s := startPoints(t)
	createNodes(t, c, threeZones()...)
	create(t, c, labelled("seated", "100m", "seat=window"), labelled("standing", "100m"))
	node := nodeOf(t, c, "seated")
	nodeOf(t, c, "standing")
	p, err := c.Client().CoreV1().Pods("default").Get(t.Context(), "seated", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Annotations["points/seat"], "window@"+node; got != want {
		t.Errorf("annotation %q, want %q", got, want)
	}
	wantCounter(t, s, "bound", 2)
	eventually(t, "the event of PostBind", func(ctx context.Context) (bool, error) {
		return eventNote(ctx, c, "seated", "Seated") != "", nil
	})
}

// eventNote is the note of the latest event of that reason about a pod.
func eventNote(ctx context.Context, c *cluster.Cluster, name, reason string) (note string) {
	events, err := c.Client().EventsV1().Events("default").List(ctx, metav1.ListOptions{})
	if err != nil {
		return ""
	}
	for _, e := range events.Items {
		if e.Regarding.Name == name && e.Reason == reason {
			note = e.Note
		}
	}
	return note
}

// PostFilter names victims on two nodes, whatever their priority, and the host evicts them.
func TestPostFilterEvictsTheNamed(t *testing.T) {
	c, _ := startPoints(t)
	createNodes(t, c, threeZones()...)
	for _, zone := range []string{"a", "b", "c"} {
		p := labelled("low-"+zone, "7")
		p.Spec.NodeSelector = map[string]string{corev1.LabelTopologyZone: zone}
		if zone != "c" {
			p.Labels["points/victim"] = "red"
		}
		create(t, c, p)
		nodeOf(t, c, p.Name)
	}
	create(t, c, labelled("usurper", "7", "victims=red"))
	if got := nodeOf(t, c, "usurper"); got != "node-a" && got != "node-b" {
		t.Errorf("the pod is on %s, want one of its victims' nodes", got)
	}
	wantGone(t, c, "low-a", "low-b")
	if _, err := c.Client().CoreV1().Pods("default").Get(t.Context(), "low-c", metav1.GetOptions{}); err != nil {
		t.Errorf("a pod was evicted that was not named: %v", err)
	}
	if note := eventNote(t.Context(), c, "low-a", "Preempted"); note == "" {
		t.Error("the victim has no event Preempted")
	}
}

func wantGone(t *testing.T, c *cluster.Cluster, names ...string) {
	t.Helper()
	for _, name := range names {
		eventually(t, "the end of pod "+name, func(ctx context.Context) (bool, error) {
			p, err := c.Client().CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return true, nil
			}
			return err == nil && p.DeletionTimestamp != nil, err
		})
	}
}

// With ranks the host's own preemption evicts only whom the policy lets go.
func TestRankedVictims(t *testing.T) {
	c, _ := startPoints(t)
	createNodes(t, c, threeZones()...)
	createPriority(t, c, "urgent", 1000)
	for _, zone := range []string{"a", "b", "c"} {
		p := labelled("low-"+zone, "7")
		p.Spec.NodeSelector = map[string]string{corev1.LabelTopologyZone: zone}
		if zone == "b" {
			p.Labels["points/victim"] = "any"
		}
		create(t, c, p)
		nodeOf(t, c, p.Name)
	}
	urgent := labelled("urgent", "7", "rank=yes")
	urgent.Spec.PriorityClassName = "urgent"
	create(t, c, urgent)
	if got := nodeOf(t, c, "urgent"); got != "node-b" {
		t.Errorf("the urgent pod is on %s, want node-b", got)
	}
	wantGone(t, c, "low-b")
}
