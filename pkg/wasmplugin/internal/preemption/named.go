// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	corev1helpers "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/preemption"
)

// Named is victims that somebody else chose, and that may go.
type Named struct {
	victims []fwk.PodInfo
	// units is the same pods as they are disrupted: groups in one piece.
	units []*preemption.DomainVictim
}

// ForbiddenError is a victim that must not be chosen.
type ForbiddenError struct {
	UID types.UID
	Why string
}

// Error names the victim.
func (e *ForbiddenError) Error() string { return fmt.Sprintf("victim %q %s", e.UID, e.Why) }

// Name finds the pods with the UIDs and checks that all of them may go for a preemptor of a priority:
// they run, the rules allow them, and of a group that is only disrupted as a whole all are there.
// An error is a *ForbiddenError, or a failure to look. Victims that terminate already are allowed.
func (p *Preemptor) Name(ctx context.Context, priority int32, uids []string) (*Named, error) {
	wanted := sets.New[types.UID]()
	for _, uid := range uids {
		wanted.Insert(types.UID(uid))
	}
	n := &Named{}
	nodes, err := n.find(p.nodes(), wanted)
	if err != nil {
		return nil, err
	}
	seen := sets.New[types.UID]()
	for _, info := range nodes {
		units, err := p.evaluator.GetVictimsOnNode(ctx, info)
		if err != nil {
			return nil, fmt.Errorf("looking for victims on node %q: %w", info.Node().Name, err)
		}
		for _, unit := range units {
			if err := p.judge(n, unit, priority, wanted, seen); err != nil {
				return nil, err
			}
		}
	}
	return n, nil
}

// find looks the pods up, each once, and returns the nodes that have any.
func (n *Named) find(list fwk.NodeInfoLister, wanted sets.Set[types.UID]) (nodes []fwk.NodeInfo, err error) {
	infos, err := list.List()
	if err != nil {
		return nil, fmt.Errorf("listing nodes: %w", err)
	}
	missing := wanted.Clone()
	for _, info := range infos {
		before := len(n.victims)
		for _, pod := range info.GetPods() {
			if uid := pod.GetPod().UID; missing.Has(uid) {
				missing.Delete(uid)
				n.victims = append(n.victims, pod)
			}
		}
		if len(n.victims) > before {
			nodes = append(nodes, info)
		}
	}
	if uid, ok := missing.PopAny(); ok {
		return nil, &ForbiddenError{uid, "is not on any node"}
	}
	return nodes, nil
}

// judge adds a unit if any of its pods is wanted. A group that spans nodes comes up on each.
func (p *Preemptor) judge(n *Named, unit *preemption.DomainVictim, priority int32, wanted, seen sets.Set[types.UID]) error {
	named := 0
	for _, pod := range unit.Pods() {
		if wanted.Has(pod.GetPod().UID) {
			named++
		}
	}
	first := unit.Pods()[0].GetPod()
	switch {
	case named == 0 || seen.Has(first.UID):
		return nil
	case named < len(unit.Pods()):
		return &ForbiddenError{chosen(unit, wanted), "is of a group that is only disrupted as a whole"}
	case !p.Rules.Allow(unit.Priority(), priority):
		return &ForbiddenError{first.UID, fmt.Sprintf("has priority %d, which is not below the preemptor's %d", unit.Priority(), priority)}
	}
	seen.Insert(first.UID)
	n.units = append(n.units, unit)
	return nil
}

// chosen is the first pod of the unit that is wanted.
func chosen(unit *preemption.DomainVictim, wanted sets.Set[types.UID]) types.UID {
	for _, pod := range unit.Pods() {
		if wanted.Has(pod.GetPod().UID) {
			return pod.GetPod().UID
		}
	}
	return ""
}

// Len is how many victims do not terminate yet.
func (n *Named) Len() (count int) {
	for _, v := range n.victims {
		if v.GetPod().DeletionTimestamp == nil {
			count++
		}
	}
	return count
}

// pods is the victims.
func (n *Named) pods() (out []*v1.Pod) {
	for _, v := range n.victims {
		out = append(out, v.GetPod())
	}
	return out
}

// Protected is a victim that a disruption budget keeps; nil if there is none. The scheduler breaks
// budgets if there is no other way, and who names victims does not know whether there is one.
func (p *Preemptor) Protected(n *Named) (klog.KMetadata, error) {
	budgets, err := p.evaluator.PdbLister.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("listing disruption budgets: %w", err)
	}
	var alive []preemption.Victim
	for _, v := range n.victims {
		if v.GetPod().DeletionTimestamp == nil {
			alive = append(alive, preemption.NewPodVictim(v, nil, nil))
		}
	}
	if violating, _ := preemption.FilterVictimsWithPDBViolation(alive, budgets); len(violating) > 0 {
		return violating[0].Victim.Pods()[0].GetPod(), nil
	}
	return nil, nil
}

// Priority is a pod's, as a preemptor.
func Priority(pod *v1.Pod) int32 { return corev1helpers.PodPriority(pod) }
