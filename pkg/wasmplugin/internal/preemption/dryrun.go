// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"
	"math/rand/v2"

	v1 "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

// Ranks say by UID which pods may be evicted and which go first: those with higher ranks. Pods of
// rank 0, or without a rank, stay.
type Ranks map[types.UID]uint32

// DryRun is the scheduler's own search for victims, with ranks in place of priorities: it looks for a
// node where the pod fits if pods go, evicts as few as it can and of lower rank last, and nominates the node.
// Results are those of the scheduler's preemption plugin.
func (p *Preemptor) DryRun(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes fwk.NodeToStatusReader, ranks Ranks) (*fwk.PostFilterResult, *fwk.Status) {
	metrics.PreemptionAttempts.Inc()
	return p.with(&dryRun{p, ranks}).Preempt(ctx, state, pod, nodes)
}

// dryRun is what makes the search ours.
type dryRun struct {
	*Preemptor
	ranks Ranks
}

var _ preemption.Interface = (*dryRun)(nil)

// GetOffsetAndNumCandidates does as the scheduler's plugin does with its default arguments.
func (d *dryRun) GetOffsetAndNumCandidates(nodes int32) (offset, candidates int32) {
	const percent, least = 10, 100
	return rand.Int32N(nodes), min(max(nodes*percent/100, least), nodes)
}

// CandidatesToVictimsMap is for extenders and the choice between nodes.
func (d *dryRun) CandidatesToVictimsMap(candidates []preemption.Candidate) map[string]*extenderv1.Victims {
	m := make(map[string]*extenderv1.Victims, len(candidates))
	for _, c := range candidates {
		m[c.Name()] = c.Victims()
	}
	return m
}

// PodEligibleToPreemptOthers tells whether to look for victims now.
func (d *dryRun) PodEligibleToPreemptOthers(_ context.Context, pod *v1.Pod, _ *fwk.Status) (bool, string) {
	// Whether it waits was found out before ranks were made.
	reason := Refuses(pod)
	return reason == "", reason
}

// SelectVictimsOnNode finds the victims on one node.
func (d *dryRun) SelectVictimsOnNode(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node fwk.NodeInfo, all []*preemption.DomainVictim, budgets []*policy.PodDisruptionBudget) ([]*v1.Pod, int, *fwk.Status) {
	candidates := d.candidates(pod, all)
	if len(candidates) == 0 {
		return nil, 0, d.Hopeless("No preemption victims found for incoming pod")
	}
	t := &trial{ctx: ctx, handle: d.handle, state: state, pod: pod, node: node, others: map[string]fwk.NodeInfo{}}
	if status, err := t.without(candidates); err != nil {
		return nil, 0, d.Failed(err)
	} else if !status.IsSuccess() {
		return nil, 0, status
	}
	victims, violations, err := t.reprieve(d.inOrder(candidates), budgets, d.before)
	if err != nil {
		return nil, 0, d.Failed(err)
	}
	return podsOf(victims), violations, nil
}

// candidates is the victims that may go for the pod. A group that only goes as a whole may if all its
// pods may.
func (d *dryRun) candidates(pod *v1.Pod, all []*preemption.DomainVictim) (out []*preemption.DomainVictim) {
	for _, v := range all {
		if d.Rules.Allow(v.Priority(), corev1helpers.PodPriority(pod)) && d.rank(v.Pods()) > 0 {
			out = append(out, v)
		}
	}
	return out
}

// rank is the lowest rank of the pods.
func (d *dryRun) rank(pods []fwk.PodInfo) uint32 {
	lowest := d.ranks[pods[0].GetPod().UID]
	for _, pod := range pods {
		lowest = min(lowest, d.ranks[pod.GetPod().UID])
	}
	return lowest
}

func podsOf(victims []*preemption.DomainVictim) (out []*v1.Pod) {
	for _, v := range victims {
		for _, pod := range v.Pods() {
			out = append(out, pod.GetPod())
		}
	}
	return out
}
