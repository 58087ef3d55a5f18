// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import stowage "github.com/stowage-scheduler/stowage/sdk/go"

// Toleration of a pod.
type Toleration struct {
	Key, Value string
	Operator   stowage.Operator
	Effect     stowage.Effect
	// Seconds is how long the taint is tolerated; 0 is for ever.
	Seconds int64
}

// Requirement of a selector.
type Requirement struct {
	Key      string
	Operator stowage.Operator
	Values   []string
}

// NodeTerm is a node selector term. Weight is for preferred terms.
type NodeTerm struct {
	Labels, Fields []Requirement
	Weight         int32
}

// PodTerm is a pod affinity term. A nil selector matches nothing, an empty one everything.
// Weight is for preferred terms.
type PodTerm struct {
	TopologyKey       string
	Selector          []Requirement
	Namespaces        []string
	NamespaceSelector []Requirement
	Weight            int32
}

// Spread is a topology spread constraint.
type Spread struct {
	TopologyKey   string
	Selector      []Requirement
	MaxSkew       int32
	MinDomains    int32
	DoNotSchedule bool
}

// Toleration adds a toleration.
func (p *Pod) Toleration(t Toleration) *Pod { p.tolerations = append(p.tolerations, t); return p }

// NodeSelector adds a label that the node must have.
func (p *Pod) NodeSelector(key, value string) *Pod { p.nodeSelector[key] = value; return p }

// RequireNode adds alternative required node terms. Without terms it makes a requirement that
// no node meets.
func (p *Pod) RequireNode(terms ...NodeTerm) *Pod {
	p.requiresNode = true
	p.requiredNode = append(p.requiredNode, terms...)
	return p
}

// PreferNode adds preferred node terms.
func (p *Pod) PreferNode(terms ...NodeTerm) *Pod {
	p.preferredNode = append(p.preferredNode, terms...)
	return p
}

// RequirePods adds required pod affinity terms.
func (p *Pod) RequirePods(terms ...PodTerm) *Pod {
	p.podAffinity.required = append(p.podAffinity.required, terms...)
	return p
}

// PreferPods adds preferred pod affinity terms.
func (p *Pod) PreferPods(terms ...PodTerm) *Pod {
	p.podAffinity.preferred = append(p.podAffinity.preferred, terms...)
	return p
}

// AvoidPods adds required pod anti-affinity terms.
func (p *Pod) AvoidPods(terms ...PodTerm) *Pod {
	p.podAnti.required = append(p.podAnti.required, terms...)
	return p
}

// PreferAvoidPods adds preferred pod anti-affinity terms.
func (p *Pod) PreferAvoidPods(terms ...PodTerm) *Pod {
	p.podAnti.preferred = append(p.podAnti.preferred, terms...)
	return p
}

// Spread adds topology spread constraints.
func (p *Pod) Spread(constraints ...Spread) *Pod {
	p.spread = append(p.spread, constraints...)
	return p
}
