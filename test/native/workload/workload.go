// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workload makes up what happens to a cluster: nodes and pods that come, change and go, in an
// order that follows from a seed alone. test/native/play makes it happen.
//
// Everything in it is chosen so that a scheduler with the policy of test/native/rules has one right
// decision each time, whatever the machine is doing meanwhile: see the comments of Op's fields. Values are
// not changed once Generate has returned them, so they may be used concurrently.
package workload

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/test/native/rules"
)

// Limit is how many pods of an application the policy lets run in a zone.
const Limit = 4

// SchedulerName of the pods.
const SchedulerName = "stowage"

// Options of a workload.
type Options struct {
	Seed          uint64
	Nodes, Pods   int
	Phases        int
	Calm, Crowded int // applications that have the room they need, and that have not
}

// Workload is what happens.
type Workload struct {
	Classes []*schedulingv1.PriorityClass
	Nodes   []*v1.Node
	Phases  []Phase
	Pods    int
}

// Phase is a part of it, after which results are compared.
type Phase []Op

// Op is one thing that happens. Exactly one of its fields is set. The scheduler comes to rest before the
// next one.
type Op struct {
	// Create makes pods, sorted by descending priority: the scheduler takes them in this order whether it
	// is faster than who creates them or not.
	Create []*v1.Pod
	// Preempt is an urgent pod that evicts another of its application, if there is no room. It is left out
	// while others of its application wait: which of them would be first depended on their backoff.
	Preempt *v1.Pod
	// Release lets pods that were held into the queue, by descending priority.
	Release []string
	// Delete is pods that end.
	Delete *Delete
	// AddNode is a new node.
	AddNode *v1.Node
	// RemoveNode is a node that goes away. Its pods are deleted after it.
	RemoveNode string
	// Label changes a label of a node, Taint adds a taint to it, or removes its own taints.
	Label *Label
	Taint *Taint
}

// Delete says that N pods of an application end, those with the lowest hash of salt and name. A name would
// not do: it depends on the scheduler which pods were preempted.
type Delete struct {
	App  string
	N    int
	Salt uint64
}

// Label of a node; an empty value removes it.
type Label struct{ Node, Key, Value string }

// Taint of a node.
type Taint struct {
	Node string
	On   bool
}

// String names the operation, for errors.
func (o Op) String() string {
	switch {
	case o.Create != nil:
		return fmt.Sprintf("create %d pods from %s on", len(o.Create), o.Create[0].Name)
	case o.Preempt != nil:
		return "preempt for " + o.Preempt.Name
	case o.Release != nil:
		return fmt.Sprintf("release %v", o.Release)
	case o.Delete != nil:
		return fmt.Sprintf("delete %d of application %q", o.Delete.N, o.Delete.App)
	case o.AddNode != nil:
		return "add node " + o.AddNode.Name
	case o.RemoveNode != "":
		return "remove node " + o.RemoveNode
	case o.Label != nil:
		return fmt.Sprintf("label %+v", *o.Label)
	}
	return fmt.Sprintf("taint %+v", *o.Taint)
}

// How many priorities there are. Pods of one application all have different ones, because the scheduler
// breaks ties between victims of the same priority by chance.
const (
	normalClasses = 220
	urgentClasses = 60
)

func classes() (all []*schedulingv1.PriorityClass) {
	never, always := v1.PreemptNever, v1.PreemptLowerPriority
	for i := range normalClasses {
		all = append(all, class("normal", i, i, &never))
	}
	for i := range urgentClasses {
		all = append(all, class("urgent", i, rules.Urgent+i, &always))
	}
	return all
}

func class(kind string, i, value int, policy *v1.PreemptionPolicy) *schedulingv1.PriorityClass {
	return &schedulingv1.PriorityClass{
		ObjectMeta: metav1.ObjectMeta{Name: className(kind, i)}, Value: int32(value), PreemptionPolicy: policy,
	}
}

func className(kind string, i int) string { return fmt.Sprintf("%s-%03d", kind, i) }
