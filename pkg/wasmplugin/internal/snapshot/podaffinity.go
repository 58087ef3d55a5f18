// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// encodeAffinity fills what the pod asks of nodes and of pods near it.
func encodeAffinity(s sink, rec *abi.PodRecord, pod *v1.Pod) {
	rec.NodeSelector = labelList(s, pod.Spec.NodeSelector)
	rec.Spread = spreadList(s, pod.Spec.TopologySpreadConstraints)
	a := pod.Spec.Affinity
	if a == nil {
		return
	}
	if n := a.NodeAffinity; n != nil {
		encodeNodeAffinity(s, rec, n)
	}
	if p := a.PodAffinity; p != nil {
		rec.RequiredPodAffinity = podTermList(s, p.RequiredDuringSchedulingIgnoredDuringExecution)
		rec.PreferredPodAffinity = weightedPodTermList(s, p.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if p := a.PodAntiAffinity; p != nil {
		rec.RequiredPodAnti = podTermList(s, p.RequiredDuringSchedulingIgnoredDuringExecution)
		rec.PreferredPodAnti = weightedPodTermList(s, p.PreferredDuringSchedulingIgnoredDuringExecution)
	}
}

func encodeNodeAffinity(s sink, rec *abi.PodRecord, n *v1.NodeAffinity) {
	if required := n.RequiredDuringSchedulingIgnoredDuringExecution; required != nil {
		rec.HasRequiredNodeTerms = 1
		l := newGrowing[abi.NodeTerm](s, len(required.NodeSelectorTerms))
		for i := range required.NodeSelectorTerms {
			l.set(i, nodeTerm(s, &required.NodeSelectorTerms[i], 0))
		}
		rec.RequiredNodeTerms = l.list
	}
	preferred := n.PreferredDuringSchedulingIgnoredDuringExecution
	l := newGrowing[abi.NodeTerm](s, len(preferred))
	for i := range preferred {
		l.set(i, nodeTerm(s, &preferred[i].Preference, preferred[i].Weight))
	}
	rec.PreferredNodeTerms = l.list
}

func nodeTerm(s sink, t *v1.NodeSelectorTerm, weight int32) abi.NodeTerm {
	return abi.NodeTerm{
		Labels: nodeExpressions(s, t.MatchExpressions),
		Fields: nodeExpressions(s, t.MatchFields),
		Weight: weight,
	}
}

var nodeOps = map[v1.NodeSelectorOperator]abi.Operator{
	v1.NodeSelectorOpIn:           abi.OpIn,
	v1.NodeSelectorOpNotIn:        abi.OpNotIn,
	v1.NodeSelectorOpExists:       abi.OpExists,
	v1.NodeSelectorOpDoesNotExist: abi.OpDoesNotExist,
	v1.NodeSelectorOpGt:           abi.OpGt,
	v1.NodeSelectorOpLt:           abi.OpLt,
}

func nodeExpressions(s sink, reqs []v1.NodeSelectorRequirement) abi.List {
	l := newGrowing[abi.Expression](s, len(reqs))
	for i := range reqs {
		l.set(i, abi.Expression{Key: s.str(reqs[i].Key), Values: strList(s, reqs[i].Values), Op: nodeOps[reqs[i].Operator]})
	}
	return l.list
}

func strList(s sink, values []string) abi.List {
	l := newFrozen[abi.Str](s, len(values))
	for i, v := range values {
		l.set(i, s.str(v))
	}
	return l.list
}

func podTermList(s sink, terms []v1.PodAffinityTerm) abi.List {
	l := newGrowing[abi.PodTerm](s, len(terms))
	for i := range terms {
		l.set(i, podTerm(s, &terms[i], 0))
	}
	return l.list
}

func weightedPodTermList(s sink, terms []v1.WeightedPodAffinityTerm) abi.List {
	l := newGrowing[abi.PodTerm](s, len(terms))
	for i := range terms {
		l.set(i, podTerm(s, &terms[i].PodAffinityTerm, terms[i].Weight))
	}
	return l.list
}

func podTerm(s sink, t *v1.PodAffinityTerm, weight int32) abi.PodTerm {
	rec := abi.PodTerm{
		TopologyKey:       s.str(t.TopologyKey),
		Selector:          selector(s, t.LabelSelector),
		Namespaces:        strList(s, t.Namespaces),
		NamespaceSelector: selector(s, t.NamespaceSelector),
		Weight:            weight,
	}
	if t.LabelSelector != nil {
		rec.Flags |= abi.TermHasSelector
	}
	if t.NamespaceSelector != nil {
		rec.Flags |= abi.TermHasNamespaceSelector
	}
	return rec
}

var labelOps = map[metav1.LabelSelectorOperator]abi.Operator{
	metav1.LabelSelectorOpIn:           abi.OpIn,
	metav1.LabelSelectorOpNotIn:        abi.OpNotIn,
	metav1.LabelSelectorOpExists:       abi.OpExists,
	metav1.LabelSelectorOpDoesNotExist: abi.OpDoesNotExist,
}

// selector flattens matchLabels and matchExpressions into one list; all must hold.
func selector(s sink, sel *metav1.LabelSelector) abi.List {
	if sel == nil {
		return abi.List{}
	}
	l := newGrowing[abi.Expression](s, len(sel.MatchLabels)+len(sel.MatchExpressions))
	for i, k := range sortedKeys(sel.MatchLabels) {
		l.set(i, abi.Expression{Key: s.str(k), Values: strList(s, []string{sel.MatchLabels[k]}), Op: abi.OpIn})
	}
	for i := range sel.MatchExpressions {
		e := &sel.MatchExpressions[i]
		l.set(len(sel.MatchLabels)+i, abi.Expression{Key: s.str(e.Key), Values: strList(s, e.Values), Op: labelOps[e.Operator]})
	}
	return l.list
}

func spreadList(s sink, constraints []v1.TopologySpreadConstraint) abi.List {
	l := newGrowing[abi.Spread](s, len(constraints))
	for i := range constraints {
		l.set(i, spread(s, &constraints[i]))
	}
	return l.list
}

func spread(s sink, c *v1.TopologySpreadConstraint) abi.Spread {
	rec := abi.Spread{TopologyKey: s.str(c.TopologyKey), Selector: selector(s, c.LabelSelector), MaxSkew: c.MaxSkew}
	if c.MinDomains != nil {
		rec.MinDomains = *c.MinDomains
	}
	if c.LabelSelector != nil {
		rec.Flags |= abi.TermHasSelector
	}
	if c.WhenUnsatisfiable == v1.DoNotSchedule {
		rec.Flags |= abi.SpreadDoNotSchedule
	}
	return rec
}
