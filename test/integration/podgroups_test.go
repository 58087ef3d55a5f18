// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// rackGroup is the guest that does all there is to do about groups.
var rackGroup = policy{
	name: "rack-group", module: "rack-group", config: "null", scores: true,
	more: "capabilities: [metrics, events, nodePods, ledger, sharedData, preemption]",
}

// groups is a cluster that schedules groups of pods, and a scheduler in which the policy places them.
type groups struct {
	*testing.T
	c *cluster.Cluster
	s *cluster.Scheduler
}

// The subtests share a cluster and keep to nodes of their own: a group says by a label which label of nodes
// makes racks, and each subtest has another one.
func TestPodGroups(t *testing.T) {
	c := cluster.ForTestWith(t, cluster.PodGroups())
	createPriority(t, c, "urgent", 2000)
	createNodes(t, c, cluster.MakeNode("loose").Capacity("64", "64Gi").Obj())
	s := startPlacing(t, c)
	for _, tc := range []struct {
		name string
		run  func(groups)
	}{
		{"the placement decides where a group goes", groups.testPlacement},
		{"the score chooses between placements", groups.testPlacementScore},
		{"Filter and Score act within a placement", groups.testPodsInPlacement},
		{"no placement at all", groups.testNoPlacement},
		{"a group that fits nowhere evicts who is named", groups.testVictims},
		{"a placement that is there without the victims only", groups.testRoomOfVictims},
		{"nobody is evicted in vain", groups.testUselessVictims},
		{"many groups leave nothing behind", groups.testManyGroups},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(groups{t, c, s}) })
	}
	if log := s.Log(); strings.Contains(log, "Policy broke down") {
		t.Errorf("the policy broke down:\n%s", lines(log, "Policy broke down"))
	}
}

// startPlacing runs a scheduler in which the policy generates placements, which only one plugin can, and is
// the only one to score them and nodes. It may ask the API server as often as it likes: how fast it is is not the point.
func startPlacing(t *testing.T, c *cluster.Cluster) *cluster.Scheduler {
	t.Helper()
	path := writeConfig(t, []profile{{
		name: "stowage", bare: true, policies: []policy{rackGroup}, first: map[string]string{"podGroupPostFilter": "DefaultPreemption"},
	}})
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	config = bytes.Replace(config, []byte("    multiPoint:\n"), []byte(`    placementScore:
      disabled: [{name: '*'}]
      enabled: [{name: rack-group, weight: 1}]
    multiPoint:
      disabled: [{name: TopologyPlacementGenerator}]
`), 1)
	config = append(config, "clientConnection: {qps: 1000, burst: 1000}\n"...)
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := c.StartScheduler(t.Context(), cluster.SchedulerOptions{ConfigFile: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nodes makes nodes of so many CPUs, all in one rack as the label tells.
func (g groups) nodes(label, rack, cpu string, names ...string) {
	g.Helper()
	var nodes []*corev1.Node
	for _, name := range names {
		nodes = append(nodes, cluster.MakeNode(name).Label(label, rack).Capacity(cpu, "32Gi").Obj())
	}
	createNodes(g.T, g.c, nodes...)
}

// gang is a group of which all pods must fit, placed within what the label of nodes tells apart. That is also
// its constraint, as it would be for the built-in generator. Without any constraint the built-in
// DynamicResources would take a group for which there is no placement for a failure of its own.
func gang(name, within string, pods int) *schedulingv1beta1.PodGroup {
	return &schedulingv1beta1.PodGroup{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", Labels: map[string]string{"rack-group/within": within}},
		Spec: schedulingv1beta1.PodGroupSpec{
			SchedulingPolicy: schedulingv1beta1.PodGroupSchedulingPolicy{
				Gang: &schedulingv1beta1.GangSchedulingPolicy{MinCount: int32(pods)},
			},
			SchedulingConstraints: &schedulingv1beta1.PodGroupSchedulingConstraints{
				Topology: []schedulingv1beta1.TopologyConstraint{{Key: within}},
			},
		},
	}
}

// create makes a group, and pods of it that each have this much CPU and these labels. It returns their names.
func (g groups) create(group *schedulingv1beta1.PodGroup, cpu string, podLabels ...map[string]string) (names []string) {
	g.Helper()
	metav1.SetMetaDataLabel(&group.ObjectMeta, "group", group.Name)
	if _, err := g.c.Client().SchedulingV1beta1().PodGroups("default").Create(g.Context(), group, metav1.CreateOptions{}); err != nil {
		g.Fatal(err)
	}
	for i := range group.Spec.SchedulingPolicy.Gang.MinCount {
		p := pod(fmt.Sprintf("%s-%d", group.Name, i), "stowage", cpu, nil)
		if int(i) < len(podLabels) {
			p.Labels = podLabels[i]
		}
		metav1.SetMetaDataLabel(&p.ObjectMeta, "group", group.Name)
		p.Spec.PriorityClassName = group.Spec.PriorityClassName
		p.Spec.SchedulingGroup = &corev1.PodSchedulingGroup{PodGroupName: &group.Name}
		create(g.T, g.c, p)
		names = append(names, p.Name)
	}
	return names
}

// on waits for the pods and returns their nodes.
func (g groups) on(pods []string) (nodes []string) {
	g.Helper()
	for _, name := range pods {
		nodes = append(nodes, nodeOf(g.T, g.c, name))
	}
	return nodes
}

// sortedOn is for groups of pods that are alike: which is where is chance.
func (g groups) sortedOn(pods []string) []string {
	g.Helper()
	return slices.Sorted(slices.Values(g.on(pods)))
}

func (g groups) want(what string, want, got []string) {
	g.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		g.Errorf("%s (-want,+got):\n%s", what, diff)
	}
}

// remove deletes a group and its pods, and waits until the pods are gone.
func (g groups) remove(group string) {
	g.Helper()
	g.removeAll("group=" + group)
}

// removeAll deletes the groups and pods with some label.
func (g groups) removeAll(selector string) {
	g.Helper()
	pods, now := g.c.Client().CoreV1().Pods("default"), int64(0)
	which := metav1.ListOptions{LabelSelector: selector}
	if err := pods.DeleteCollection(g.Context(), metav1.DeleteOptions{GracePeriodSeconds: &now}, which); err != nil {
		g.Fatal(err)
	}
	if err := g.c.Client().SchedulingV1beta1().PodGroups("default").DeleteCollection(g.Context(), metav1.DeleteOptions{}, which); err != nil {
		g.Fatal(err)
	}
	eventually(g.T, "the end of pods "+selector, func(ctx context.Context) (bool, error) {
		left, err := pods.List(ctx, which)
		return err == nil && len(left.Items) == 0, err
	})
}

// unscheduled waits until the scheduler has given a group up, and returns what its condition says.
func (g groups) unscheduled(group string) (message string) {
	g.Helper()
	eventually(g.T, "the condition of group "+group, func(ctx context.Context) (bool, error) {
		pg, err := g.c.Client().SchedulingV1beta1().PodGroups("default").Get(ctx, group, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		condition := meta.FindStatusCondition(pg.Status.Conditions, schedulingv1beta1.PodGroupInitiallyScheduled)
		if condition == nil || condition.Status != metav1.ConditionFalse {
			return false, nil
		}
		message = condition.Message
		return true, nil
	})
	return message
}

func (g groups) wantContains(what, got string, want ...string) {
	g.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			g.Errorf("%s is %q, want it to contain %q", what, got, w)
		}
	}
}

// The pods would fit on the nodes of two racks together, or on the node that is in none. They all go to the
// only rack that has room for all of them.
func (g groups) testPlacement() {
	g.nodes("place", "a", "4", "place-a1", "place-a2")
	g.nodes("place", "b", "6", "place-b1", "place-b2")
	before := counter(g.T, g.s, "generated")
	pods := g.create(gang("placed", "place", 4), "3")
	g.want("nodes of the group", []string{"place-b1", "place-b1", "place-b2", "place-b2"}, g.sortedOn(pods))
	if counter(g.T, g.s, "generated") == before {
		g.Error("the policy was not asked for placements")
	}
	g.remove("placed")
}

// Both racks have room. One group wants few nodes and the next many; by chance each would be right half of
// the time.
func (g groups) testPlacementScore() {
	g.nodes("score", "narrow", "8", "score-one")
	g.nodes("score", "wide", "4", "score-left", "score-right")
	compared := counter(g.T, g.s, "compared")
	for round := range 4 {
		name := fmt.Sprintf("scored-%d", round)
		packed, spread := gang(name+"-packed", "score", 2), gang(name+"-spread", "score", 2)
		spread.Labels["rack-group/spread"] = "yes"
		g.want("nodes of a group that wants few", []string{"score-one", "score-one"}, g.sortedOn(g.create(packed, "3")))
		g.remove(packed.Name)
		g.want("nodes of a group that wants many", []string{"score-left", "score-right"}, g.sortedOn(g.create(spread, "3")))
		g.remove(spread.Name)
	}
	if n := counter(g.T, g.s, "compared") - compared; n < 16 {
		g.Errorf("the policy compared %d placements, want 2 for each of 8 groups at least", n)
	}
}

// Each pod of a group is filtered and scored like any other, on the placement's nodes alone.
func (g groups) testPodsInPlacement() {
	g.nodes("within", "only", "8", "within-1", "within-2", "within-3")
	prefers := func(node string) map[string]string { return map[string]string{"rack-group/prefers": node} }
	torn := map[string]string{"rack-group/prefers": "loose", "rack-group/avoids": "within-1"}
	pods := g.create(gang("scored", "within", 3), "100m", prefers("within-3"), prefers("within-1"), torn)
	got := g.on(pods)
	g.want("nodes of pods with a preference", []string{"within-3", "within-1"}, got[:2])
	if got[2] != "within-2" && got[2] != "within-3" {
		g.Errorf("the pod that avoids within-1 is on %s, want within-2 or within-3", got[2])
	}
	g.remove("scored")
	g.nodes("avoid", "only", "8", "avoid-1")
	avoids := map[string]string{"rack-group/avoids": "avoid-1"}
	g.create(gang("refused", "avoid", 2), "100m", nil, avoids)
	g.wantContains("the group's condition", g.unscheduled("refused"), "0/1 placements are available")
	g.wantContains("the pod's refusal", refusal(g.T, g.c, "refused-1"), "rejected by rack-group: the pod avoids the node")
	g.remove("refused")
}

// The policy has no placement for a group, until a rack comes.
func (g groups) testNoPlacement() {
	helped := counter(g.T, g.s, "helped")
	g.create(gang("early", "later", 2), "1")
	g.wantContains("the group's condition", g.unscheduled("early"), "no feasible placements found")
	if counter(g.T, g.s, "helped") == helped {
		g.Error("the policy was not asked for victims")
	}
	g.nodes("later", "only", "8", "later-1")
	g.want("nodes of the group", []string{"later-1", "later-1"}, g.on([]string{"early-0", "early-1"}))
	g.remove("early")
}

// occupy puts a pod that takes most of a node there, as a victim if that is not "", with a priority if
// there is any.
func (g groups) occupy(node, cpu, victim string, priority ...string) string {
	g.Helper()
	p := pod("on-"+node, "stowage", cpu, map[string]string{"occupant": "yes"})
	if victim != "" {
		p.Labels["rack-group/victim"] = victim
	}
	p.Spec.NodeSelector = map[string]string{corev1.LabelHostname: node}
	p.Spec.PriorityClassName = strings.Join(priority, "")
	// It stays when it is evicted, until finish.
	p.Finalizers = []string{"example.com/slow"}
	create(g.T, g.c, p)
	nodeOf(g.T, g.c, p.Name)
	return p.Name
}

// finish lets pods go that are being deleted.
func (g groups) finish(pods ...string) {
	g.Helper()
	for _, name := range pods {
		patch := []byte(`{"metadata":{"finalizers":null}}`)
		if _, err := g.c.Client().CoreV1().Pods("default").Patch(g.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			g.Fatal(err)
		}
	}
}

// nominated waits until all pods are nominated and returns the nodes.
func (g groups) nominated(pods []string) (nodes []string) {
	g.Helper()
	eventually(g.T, "nominations of "+strings.Join(pods, ", "), func(context.Context) (bool, error) {
		nodes = nil
		for _, name := range pods {
			if node := get(g.T, g.c, name).Status.NominatedNodeName; node != "" {
				nodes = append(nodes, node)
			}
		}
		return len(nodes) == len(pods), nil
	})
	slices.Sort(nodes)
	return nodes
}

func urgent(group *schedulingv1beta1.PodGroup, victims string) *schedulingv1beta1.PodGroup {
	group.Spec.PriorityClassName = "urgent"
	group.Labels["rack-group/victims"] = victims
	return group
}

// Three nodes are full, and the policy has the pods of two of them evicted. While these terminate the group
// waits, nominated to their nodes; a third, which any preemption could have chosen, stays.
func (g groups) testVictims() {
	g.nodes("full", "only", "4", "full-1", "full-2", "full-3")
	red1, red3, blue := g.occupy("full-1", "3", "red"), g.occupy("full-3", "3", "red"), g.occupy("full-2", "3", "blue")
	helped := counter(g.T, g.s, "helped")
	pods := g.create(urgent(gang("usurpers", "full", 2), "red"), "3")
	g.want("nodes that the group is nominated to", []string{"full-1", "full-3"}, g.nominated(pods))
	g.wantContains("the group's condition", g.unscheduled("usurpers"), "preempting 2 victims")
	if counter(g.T, g.s, "helped") == helped {
		g.Error("the policy was not asked for victims")
	}
	wantGone(g.T, g.c, red1, red3)
	for _, victim := range []string{red1, red3} {
		g.wantContains("the victim's event", eventNote(g.Context(), g.c, victim, "Preempted"), "Preempted by")
	}
	for _, name := range pods {
		if p := get(g.T, g.c, name); p.Spec.NodeName != "" {
			g.Errorf("%s is on %s before its victims are gone", name, p.Spec.NodeName)
		}
	}
	g.finish(red1, red3)
	g.want("nodes of the group", []string{"full-1", "full-3"}, g.sortedOn(pods))
	if p := get(g.T, g.c, blue); p.DeletionTimestamp != nil {
		g.Error("a pod was evicted that was not named")
	}
	g.finish(blue)
	g.remove("usurpers")
	g.removeAll("occupant")
}

// The nodes have room for one pod each, so that the policy sees no room for the group until the host tries
// out what it would be like without the victims.
func (g groups) testRoomOfVictims() {
	for _, name := range []string{"slot-1", "slot-2"} {
		createNodes(g.T, g.c, cluster.MakeNode(name).Label("slot", "only").Resource(corev1.ResourcePods, "1").Obj())
		g.finish(g.occupy(name, "1", "green"))
	}
	group := gang("squeezed", "slot", 2)
	pods := g.create(urgent(group, "green"), "1")
	g.want("nodes of the group", []string{"slot-1", "slot-2"}, g.sortedOn(pods))
	wantGone(g.T, g.c, "on-slot-1", "on-slot-2")
	// Once they are there the racks are full, and the next group is not told otherwise.
	g.create(gang("late", "slot", 2), "1")
	g.wantContains("the group's condition", g.unscheduled("late"), "no feasible placements found")
	g.remove("late")
	g.remove("squeezed")
}

// One victim is not enough and the other pod is as important as the group, so both stay.
func (g groups) testUselessVictims() {
	g.nodes("vain", "only", "4", "vain-1", "vain-2")
	red, blue := g.occupy("vain-1", "3", "grey"), g.occupy("vain-2", "3", "", "urgent")
	group := urgent(gang("vain", "vain", 2), "grey")
	helped := counter(g.T, g.s, "helped")
	g.create(group, "4")
	g.wantContains("the group's condition", g.unscheduled("vain"), "0/1 placements are available")
	if counter(g.T, g.s, "helped") == helped {
		g.Error("the policy was not asked for victims")
	}
	for _, name := range []string{red, blue} {
		if p := get(g.T, g.c, name); p.DeletionTimestamp != nil {
			g.Errorf("%s was evicted", name)
		}
	}
	g.remove("vain")
	g.finish(red, blue)
	g.removeAll("occupant")
}

// Groups come and go, and some do not fit. In the end the ledger has what is there, and what the policy noted
// for pods that it was told to reserve it was told to take back.
func (g groups) testManyGroups() {
	const batches, batch, size = 10, 10, 3
	g.nodes("loop", "left", "32", "loop-1", "loop-2")
	g.nodes("loop", "right", "32", "loop-3", "loop-4")
	g.wantLedger("before")
	simulated, started := counter(g.T, g.s, "simulated"), time.Now()
	for b := range batches {
		for i := range batch {
			cpu := "1"
			if i%3 == 2 {
				cpu = "30" // three times this is more than a rack has, and twice is not
			}
			group := gang(fmt.Sprintf("loop-%d-%d", b, i), "loop", size)
			group.Labels["batch"] = "yes"
			g.create(group, cpu, inBatch(), inBatch(), inBatch())
		}
		g.decided(batch*size, batch/3*size)
		g.removeAll("batch")
	}
	g.Logf("%d groups in %v", batches*batch, time.Since(started).Round(time.Millisecond))
	if n := counter(g.T, g.s, "simulated") - simulated; n < batches*batch*size {
		g.Errorf("pods were tried out %d times, want each of %d at least once", n, batches*batch*size)
	}
	g.wantLedger("after")
	eventually(g.T, "as many pods to be given back as were taken", func(context.Context) (bool, error) {
		taken := counter(g.T, g.s, "taken")
		return taken > 0 && taken == counter(g.T, g.s, "returned"), nil
	})
}

func inBatch() map[string]string { return map[string]string{"batch": "yes"} }

// decided waits until all pods of the batch have a node or a refusal, so many of them the latter.
func (g groups) decided(pods, refused int) {
	g.Helper()
	placed, rejected := 0, 0
	eventually(g.T, "decisions about the batch", func(ctx context.Context) (bool, error) {
		list, err := g.c.Client().CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "batch"})
		if err != nil {
			return false, err
		}
		placed, rejected = 0, 0
		for _, p := range list.Items {
			switch {
			case p.Spec.NodeName != "":
				placed++
			case cluster.Rejected(&p):
				rejected++
			}
		}
		return placed+rejected == pods, nil
	})
	if rejected != refused {
		g.Errorf("%d pods have a node and %d were refused, want %d and %d", placed, rejected, pods-refused, refused)
	}
}

// wantLedger compares what the ledger counts in the namespace with the pods that have a node. The scheduler
// may learn of the last deletions a little later than we do, hence a second chance.
func (g groups) wantLedger(when string) {
	g.Helper()
	var got, want string
	for try := range 5 {
		want = g.requested()
		name := fmt.Sprintf("report-%s-%d", when, try)
		report := pod(name, "stowage", "100m", map[string]string{"rack-group/report": "yes"})
		report.Spec.NodeSelector = map[string]string{corev1.LabelHostname: "loose"}
		create(g.T, g.c, report)
		nodeOf(g.T, g.c, name)
		eventually(g.T, "the report of the ledger", func(ctx context.Context) (bool, error) {
			got = strings.TrimPrefix(eventNote(ctx, g.c, name, "Ledger"), "Policy rack-group: ")
			return got != "", nil
		})
		if got == want {
			return
		}
	}
	g.Errorf("%s: the ledger counts %q, want %q", when, got, want)
}

// requested is what the ledger should count.
func (g groups) requested() string {
	g.Helper()
	list, err := g.c.Client().CoreV1().Pods("default").List(g.Context(), metav1.ListOptions{})
	if err != nil {
		g.Fatal(err)
	}
	pods, cpu := 0, int64(0)
	for _, p := range list.Items {
		if p.Spec.NodeName != "" {
			pods++
			cpu += p.Spec.Containers[0].Resources.Requests.Cpu().MilliValue()
		}
	}
	return fmt.Sprintf("%d pods, %dm", pods, cpu)
}
