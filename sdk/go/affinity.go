// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// NodeSelector is the pod's spec.nodeSelector. It needs ReadPodAffinity.
func (p *Pod) NodeSelector() Labels {
	p.v.need(ReadPodAffinity)
	return Labels{p.v, p.rec.NodeSelector}
}

// RequiresNodeTerms reports whether the pod requires a match of RequiredNodeTerms at all. It
// needs ReadPodAffinity.
func (p *Pod) RequiresNodeTerms() bool {
	p.v.need(ReadPodAffinity)
	return p.rec.HasRequiredNodeTerms != 0
}

// RequiredNodeTerms are alternatives, one of which a node must match if RequiresNodeTerms; then
// no terms match no node. It needs ReadPodAffinity.
func (p *Pod) RequiredNodeTerms() iter.Seq[NodeTerm] {
	return seq(p.v, ReadPodAffinity, p.rec.RequiredNodeTerms, abi.RecordNodeTerm, newNodeTerm)
}

// PreferredNodeTerms carry weights. It needs ReadPodAffinity.
func (p *Pod) PreferredNodeTerms() iter.Seq[NodeTerm] {
	return seq(p.v, ReadPodAffinity, p.rec.PreferredNodeTerms, abi.RecordNodeTerm, newNodeTerm)
}

// MatchesNodeAffinity reports whether the node satisfies the pod's node selector and required
// node affinity, by Kubernetes' rules. It needs ReadPodAffinity and ReadNodeLabels.
func (p *Pod) MatchesNodeAffinity(n *Node) bool {
	labels := n.Labels()
	for key, want := range p.NodeSelector().All() {
		if got, ok := labels.Get(key); !ok || got != want {
			return false
		}
	}
	for term := range p.RequiredNodeTerms() {
		if term.Matches(n) {
			return true
		}
	}
	return !p.RequiresNodeTerms()
}

// NodeTerm is a node selector term: all its requirements must hold.
type NodeTerm struct {
	v   *view
	rec *abi.NodeTerm
}

func newNodeTerm(v *view, t *abi.NodeTerm) NodeTerm { return NodeTerm{v, t} }

// Labels is the requirements on the node's labels.
func (t NodeTerm) Labels() Selector { return Selector{t.v, t.rec.Labels, true} }

// Fields is the requirements on the node's fields; metadata.name is the only one there is.
func (t NodeTerm) Fields() Selector { return Selector{t.v, t.rec.Fields, true} }

// Weight of a preferred term, 1 to 100.
func (t NodeTerm) Weight() int32 { return t.rec.Weight }

// Matches reports whether a node satisfies the term; one without requirements matches nothing.
// It needs ReadNodeLabels.
func (t NodeTerm) Matches(n *Node) bool {
	if t.rec.Labels.Count+t.rec.Fields.Count == 0 {
		return false
	}
	for r := range t.Fields().Requirements() {
		if isName := r.Key() == "metadata.name"; !r.matches(n.Name(), isName) {
			return false
		}
	}
	return t.Labels().Matches(n.Labels())
}

// RequiredPodAffinity of the pod. It needs ReadPodAffinity.
func (p *Pod) RequiredPodAffinity() iter.Seq[PodTerm] {
	return seq(p.v, ReadPodAffinity, p.rec.RequiredPodAffinity, abi.RecordPodTerm, newPodTerm)
}

// PreferredPodAffinity of the pod. It needs ReadPodAffinity.
func (p *Pod) PreferredPodAffinity() iter.Seq[PodTerm] {
	return seq(p.v, ReadPodAffinity, p.rec.PreferredPodAffinity, abi.RecordPodTerm, newPodTerm)
}

// RequiredPodAntiAffinity of the pod. It needs ReadPodAffinity.
func (p *Pod) RequiredPodAntiAffinity() iter.Seq[PodTerm] {
	return seq(p.v, ReadPodAffinity, p.rec.RequiredPodAnti, abi.RecordPodTerm, newPodTerm)
}

// PreferredPodAntiAffinity of the pod. It needs ReadPodAffinity.
func (p *Pod) PreferredPodAntiAffinity() iter.Seq[PodTerm] {
	return seq(p.v, ReadPodAffinity, p.rec.PreferredPodAnti, abi.RecordPodTerm, newPodTerm)
}

// PodTerm is a pod affinity or anti-affinity term.
type PodTerm struct {
	v   *view
	rec *abi.PodTerm
}

func newPodTerm(v *view, t *abi.PodTerm) PodTerm { return PodTerm{v, t} }

// TopologyKey is the node label that tells domains apart.
func (t PodTerm) TopologyKey() string { return t.v.str(t.rec.TopologyKey) }

// Selector is what the other pods' labels must match.
func (t PodTerm) Selector() Selector {
	return Selector{t.v, t.rec.Selector, t.rec.Flags&abi.TermHasSelector != 0}
}

// Namespaces that the other pods are looked for in; with no NamespaceSelector either, the
// pod's own.
func (t PodTerm) Namespaces() iter.Seq[string] { return stringsOf(t.v, t.rec.Namespaces) }

// NamespaceSelector is what the labels of the other pods' namespaces must match.
func (t PodTerm) NamespaceSelector() Selector {
	return Selector{t.v, t.rec.NamespaceSelector, t.rec.Flags&abi.TermHasNamespaceSelector != 0}
}

// Weight of a preferred term, 1 to 100.
func (t PodTerm) Weight() int32 { return t.rec.Weight }

// Spread is a topology spread constraint.
type Spread struct {
	v   *view
	rec *abi.Spread
}

// TopologySpread of the pod. It needs ReadPodAffinity.
func (p *Pod) TopologySpread() iter.Seq[Spread] {
	return seq(p.v, ReadPodAffinity, p.rec.Spread, abi.RecordSpread, newSpread)
}

func newSpread(v *view, s *abi.Spread) Spread { return Spread{v, s} }

// TopologyKey is the node label that tells domains apart.
func (s Spread) TopologyKey() string { return s.v.str(s.rec.TopologyKey) }

// Selector is which pods are counted.
func (s Spread) Selector() Selector {
	return Selector{s.v, s.rec.Selector, s.rec.Flags&abi.TermHasSelector != 0}
}

// MaxSkew is how uneven domains may be.
func (s Spread) MaxSkew() int32 { return s.rec.MaxSkew }

// MinDomains is how many domains there should be at least.
func (s Spread) MinDomains() int32 { return s.rec.MinDomains }

// DoNotSchedule reports whether the constraint is hard.
func (s Spread) DoNotSchedule() bool { return s.rec.Flags&abi.SpreadDoNotSchedule != 0 }
