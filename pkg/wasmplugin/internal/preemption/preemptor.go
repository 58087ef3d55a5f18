// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	v1 "k8s.io/api/core/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

// Options of a Preemptor. All are needed.
type Options struct {
	// Name is the plugin's, for waiting pods that it preempts and for metrics.
	Name  string
	Rules Rules
	// The rest make statuses, which this package does not.

	// Failed is an error, Unhelpful tells the framework to ask the next plugin, and Hopeless that
	// evicting pods from a node does not help.
	Failed              func(error) *fwk.Status
	Unhelpful, Hopeless func(reason string) *fwk.Status
}

// Preemptor evicts pods for one policy in one profile.
type Preemptor struct {
	Options
	handle    fwk.Handle
	features  feature.Features
	executor  *preemption.Executor
	evaluator *preemption.Evaluator
	pending   pending
}

// New makes a Preemptor. It must be called before the scheduler's informers start, because it may
// be the only one to need that of disruption budgets.
func New(handle fwk.Handle, opts Options) *Preemptor {
	p := &Preemptor{Options: opts, handle: handle, features: feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)}
	p.executor = preemption.NewExecutor(handle, p.features)
	p.evaluator = preemption.NewEvaluator(opts.Name, handle, nil, p.executor)
	return p
}

// Async tells whether pods are evicted in the background: then pods may have to wait in PreEnqueue,
// see Running, and the plugin must register for deletions of assigned pods.
func (p *Preemptor) Async() bool { return p.features.EnableAsyncPreemption }

// with is an evaluator that asks i.
func (p *Preemptor) with(i preemption.Interface) *preemption.Evaluator {
	ev := *p.evaluator
	ev.Interface = i
	return &ev
}

func (p *Preemptor) nodes() fwk.NodeInfoLister { return p.handle.SnapshotSharedLister().NodeInfos() }

// priority is what a pod that runs counts as: in a group, the group's.
func (p *Preemptor) priority(pod *v1.Pod) int32 {
	var groups fwk.PodGroupLister
	var composites fwk.CompositePodGroupLister
	if p.features.EnableGenericWorkload {
		groups = p.handle.SnapshotSharedLister().PodGroups()
	}
	if p.features.EnableCompositePodGroup {
		composites = p.handle.SnapshotSharedLister().CompositePodGroups()
	}
	return preemption.GetPodPriority(pod, groups, composites)
}

// NewState is a CycleState for what happens outside of a pod's scheduling cycle.
func NewState() fwk.CycleState { return framework.NewCycleState() }

// Nominate is the result that gives a pod a node, or takes it away if the node is "".
func Nominate(node string) *fwk.PostFilterResult {
	return framework.NewPostFilterResultWithNominatedNode(node)
}
