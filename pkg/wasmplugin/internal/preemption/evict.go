// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"

	v1 "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	extenderv1 "k8s.io/kube-scheduler/extender/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

// Evict evicts victims so that the pod can go to the node, or anywhere if the node is "". The status
// is a success if that began: the pod must then be nominated.
//
// It is the scheduler's own search, of which only the last step is exported as a part of the whole:
// one node is searched, and what is found there is the victims.
func (p *Preemptor) Evict(ctx context.Context, state fwk.CycleState, pod *v1.Pod, node string, victims *Named) *fwk.Status {
	if victims.Len() == 0 {
		p.expect(pod, victims.victims)
		return nil
	}
	at := node
	if at == "" {
		at = victims.victims[0].GetPod().Spec.NodeName
	}
	info, err := p.nodes().Get(at)
	if err != nil {
		return p.Failed(err)
	}
	metrics.PreemptionAttempts.Inc()
	_, status := p.with(&given{p, victims}).Preempt(ctx, state, pod, single{info})
	if status.IsSuccess() {
		p.expect(pod, victims.victims)
	}
	return status
}

// given finds what it was given.
type given struct {
	*Preemptor
	victims *Named
}

var _ preemption.Interface = (*given)(nil)

// GetOffsetAndNumCandidates is the one node.
func (g *given) GetOffsetAndNumCandidates(int32) (offset, candidates int32) { return 0, 1 }

// CandidatesToVictimsMap is for extenders. They understand victims on the nominated node only, and
// are not asked about others.
func (g *given) CandidatesToVictimsMap(candidates []preemption.Candidate) map[string]*extenderv1.Victims {
	m := map[string]*extenderv1.Victims{}
	for _, c := range candidates {
		for _, victim := range c.Victims().Pods {
			if victim.Spec.NodeName != c.Name() {
				return nil
			}
		}
		m[c.Name()] = c.Victims()
	}
	return m
}

// PodEligibleToPreemptOthers was found out before victims were named.
func (g *given) PodEligibleToPreemptOthers(context.Context, *v1.Pod, *fwk.Status) (bool, string) {
	return true, ""
}

// SelectVictimsOnNode finds the victims.
func (g *given) SelectVictimsOnNode(context.Context, fwk.CycleState, *v1.Pod, fwk.NodeInfo, []*preemption.DomainVictim, []*policy.PodDisruptionBudget) ([]*v1.Pod, int, *fwk.Status) {
	return g.victims.pods(), 0, nil
}

// OrderedScoreFuncs has nothing to choose from.
func (g *given) OrderedScoreFuncs(context.Context, map[string]*extenderv1.Victims) []func(node string) int64 {
	return nil
}

// single is the one node on which evicting pods helps.
type single struct{ node fwk.NodeInfo }

// Get has nothing to say about nodes.
func (s single) Get(string) *fwk.Status { return nil }

// NodesForStatusCode is the node.
func (s single) NodesForStatusCode(fwk.NodeInfoLister, fwk.Code) ([]fwk.NodeInfo, error) {
	return []fwk.NodeInfo{s.node}, nil
}
