// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"
	"maps"

	v1 "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

// trial is a copy of a node, and of the pod's state, on which evictions are tried out. Victims that
// are groups may have pods on other nodes: those nodes are shared and stay as they are, and only the
// state learns of the pods.
type trial struct {
	ctx    context.Context
	handle fwk.Handle
	state  fwk.CycleState
	pod    *v1.Pod
	node   fwk.NodeInfo
	others map[string]fwk.NodeInfo
}

// without removes all candidates and tells whether the pod fits then.
func (t *trial) without(candidates []*preemption.DomainVictim) (*fwk.Status, error) {
	for _, v := range candidates {
		maps.Copy(t.others, v.AffectedNodes())
		if err := t.remove(v); err != nil {
			return nil, err
		}
	}
	return t.fits(), nil
}

func (t *trial) fits() *fwk.Status {
	return t.handle.RunFilterPluginsWithNominatedPods(t.ctx, t.state, t.pod, t.node)
}

// on is the node of a candidate's pod, and whether it is the one that changes.
func (t *trial) on(pod fwk.PodInfo) (fwk.NodeInfo, bool) {
	name := pod.GetPod().Spec.NodeName
	if name == t.node.Node().Name {
		return t.node, true
	}
	return t.others[name], false
}

func (t *trial) remove(v *preemption.DomainVictim) error {
	for _, pod := range v.Pods() {
		node, ours := t.on(pod)
		if ours {
			if err := node.RemovePod(klog.FromContext(t.ctx), pod.GetPod()); err != nil {
				return err
			}
		}
		if s := t.handle.RunPreFilterExtensionRemovePod(t.ctx, t.state, t.pod, pod, node); !s.IsSuccess() {
			return s.AsError()
		}
	}
	return nil
}

func (t *trial) add(v *preemption.DomainVictim) error {
	for _, pod := range v.Pods() {
		node, ours := t.on(pod)
		if ours {
			node.AddPodInfo(pod)
		}
		if s := t.handle.RunPreFilterExtensionAddPod(t.ctx, t.state, t.pod, pod, node); !s.IsSuccess() {
			return s.AsError()
		}
	}
	return nil
}

// reprieve puts back whom it can, in the given order but first those whose budget forbids that they
// go. It returns who must go, in that order, and how many of their pods violate budgets.
func (t *trial) reprieve(candidates []*preemption.DomainVictim, budgets []*policy.PodDisruptionBudget, before func(a, b *preemption.DomainVictim) bool) (victims []*preemption.DomainVictim, violations int, err error) {
	violating, others := preemption.FilterVictimsWithPDBViolation(candidates, budgets)
	for _, v := range violating {
		spared, err := t.spare(v.Victim)
		if err != nil {
			return nil, 0, err
		}
		if !spared {
			victims, violations = append(victims, v.Victim), violations+v.ViolateCount
		}
	}
	for _, v := range others {
		spared, err := t.spare(v)
		if err != nil {
			return nil, 0, err
		}
		if !spared {
			victims = append(victims, v)
		}
	}
	sortBy(victims, before)
	return victims, violations, nil
}

// spare puts a victim back if the pod fits nevertheless. Not to know whether it does is no reason to
// evict anybody.
func (t *trial) spare(v *preemption.DomainVictim) (bool, error) {
	if err := t.add(v); err != nil {
		return false, err
	}
	switch s := t.fits(); {
	case s.IsSuccess():
		return true, nil
	case s.Code() == fwk.Error:
		return false, s.AsError()
	}
	return false, t.remove(v)
}
