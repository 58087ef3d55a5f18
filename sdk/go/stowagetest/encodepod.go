// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// podEncoder writes the record of the pod that is being scheduled.
type podEncoder struct {
	*space
	reads abi.Parts
}

func (e podEncoder) pod(p *Pod) abi.PodRecord {
	requests, limits := p.total(p.requests, requestsOf), p.total(p.limits, limitsOf)
	r := abi.PodRecord{
		Name:                 e.str(p.name),
		Namespace:            e.str(p.namespace),
		UID:                  e.str(p.uid),
		SchedulerName:        e.str(p.schedulerName),
		PriorityClass:        e.str(p.priorityClass),
		ServiceAccount:       e.str(p.serviceAccount),
		RuntimeClass:         e.str(p.runtimeClass),
		NominatedNode:        e.str(p.nominatedNode),
		NodeName:             e.str(p.node),
		Priority:             p.priority,
		Flags:                p.flags,
		CreatedUnixNano:      p.created.UnixNano(),
		TerminationGraceSecs: p.graceSeconds,
		Requests:             resources(requests),
		Limits:               resources(limits),
		ExtendedRequests:     quantities(e.space, requests, isExtended),
		ExtendedLimits:       quantities(e.space, limits, isExtended),
	}
	e.parts(p, &r)
	return r
}

// parts fills what the policy declared.
func (e podEncoder) parts(p *Pod, r *abi.PodRecord) {
	for part, fill := range map[abi.Parts]func(){
		abi.PodLabels:      func() { r.Labels = e.labels(p.labels) },
		abi.PodAnnotations: func() { r.Annotations = e.labels(p.annotations) },
		abi.PodTolerations: func() { r.Tolerations = list(e.space, p.tolerations, toleration) },
		abi.PodAffinity:    func() { e.affinity(p, r) },
		abi.PodContainers:  func() { r.Containers = list(e.space, ordered(p.containers), container) },
		abi.PodVolumes:     func() { r.Volumes = list(e.space, p.volumes, volume) },
		abi.PodOwners:      func() { r.Owners = list(e.space, p.owners, owner) },
	} {
		if e.reads&part != 0 {
			fill()
		}
	}
}

func (e podEncoder) affinity(p *Pod, r *abi.PodRecord) {
	r.NodeSelector = e.labels(p.nodeSelector)
	r.HasRequiredNodeTerms = bit(p.requiresNode, 1)
	r.RequiredNodeTerms = list(e.space, p.requiredNode, nodeTerm)
	r.PreferredNodeTerms = list(e.space, p.preferredNode, nodeTerm)
	r.RequiredPodAffinity = list(e.space, p.podAffinity.required, podTerm)
	r.PreferredPodAffinity = list(e.space, p.podAffinity.preferred, podTerm)
	r.RequiredPodAnti = list(e.space, p.podAnti.required, podTerm)
	r.PreferredPodAnti = list(e.space, p.podAnti.preferred, podTerm)
	r.Spread = list(e.space, p.spread, spread)
}

// bit is the flag if it is set, else 0.
func bit(set bool, flag uint32) uint32 {
	if set {
		return flag
	}
	return 0
}

func toleration(s *space, t Toleration) abi.Toleration {
	seconds := t.Seconds
	if seconds == 0 {
		seconds = -1
	}
	return abi.Toleration{
		Key:     s.str(t.Key),
		Value:   s.str(t.Value),
		Op:      abi.Operator(t.Operator),
		Effect:  abi.Effect(t.Effect),
		Seconds: seconds,
	}
}

func requirement(s *space, r Requirement) abi.Expression {
	return abi.Expression{Key: s.str(r.Key), Values: s.strings(r.Values), Op: abi.Operator(r.Operator)}
}

func nodeTerm(s *space, t NodeTerm) abi.NodeTerm {
	return abi.NodeTerm{
		Labels: list(s, t.Labels, requirement),
		Fields: list(s, t.Fields, requirement),
		Weight: t.Weight,
	}
}

func podTerm(s *space, t PodTerm) abi.PodTerm {
	return abi.PodTerm{
		TopologyKey:       s.str(t.TopologyKey),
		Selector:          list(s, t.Selector, requirement),
		Namespaces:        s.strings(t.Namespaces),
		NamespaceSelector: list(s, t.NamespaceSelector, requirement),
		Weight:            t.Weight,
		Flags: bit(t.Selector != nil, abi.TermHasSelector) |
			bit(t.NamespaceSelector != nil, abi.TermHasNamespaceSelector),
	}
}

func spread(s *space, c Spread) abi.Spread {
	return abi.Spread{
		TopologyKey: s.str(c.TopologyKey),
		Selector:    list(s, c.Selector, requirement),
		MaxSkew:     c.MaxSkew,
		MinDomains:  c.MinDomains,
		Flags: bit(c.Selector != nil, abi.TermHasSelector) |
			bit(c.DoNotSchedule, abi.SpreadDoNotSchedule),
	}
}

// ordered puts init containers, sidecars among them, first.
func ordered(cs []Container) []Container {
	var first, last []Container
	for _, c := range cs {
		if c.Kind == stowage.ContainerApp {
			last = append(last, c)
		} else {
			first = append(first, c)
		}
	}
	return append(first, last...)
}

func container(s *space, c Container) abi.Container {
	return abi.Container{
		Name:     s.str(c.Name),
		Image:    s.str(c.Image),
		Kind:     abi.ContainerKind(c.Kind),
		Requests: amounts(s, c.Requests),
		Limits:   amounts(s, c.Limits),
		Ports:    list(s, c.Ports, port),
	}
}

func amounts(s *space, m map[string]string) abi.List {
	parsed := map[string]int64{}
	for name, quantity := range m {
		parsed[name] = parse(name, quantity)
	}
	return quantities(s, parsed, func(string) bool { return true })
}

func volume(s *space, v stowage.Volume) abi.Volume {
	return abi.Volume{Name: s.str(v.Name), Kind: abi.VolumeKind(v.Kind), Source: s.str(v.Source)}
}

func owner(s *space, o stowage.Owner) abi.Owner {
	return abi.Owner{
		APIVersion: s.str(o.APIVersion),
		Kind:       s.str(o.Kind),
		Name:       s.str(o.Name),
		UID:        s.str(o.UID),
		Controller: bit(o.Controller, 1),
	}
}
