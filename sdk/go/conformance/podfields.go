// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"iter"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

// podFields read everything that there is on the pod to schedule. Those that compare it with a
// node take the node that is being filtered.
var podFields = map[string]func(*stowage.Pod, *stowage.Node) string{
	"pod.name":             func(p *stowage.Pod, _ *stowage.Node) string { return p.Name() },
	"pod.namespace":        func(p *stowage.Pod, _ *stowage.Node) string { return p.Namespace() },
	"pod.uid":              func(p *stowage.Pod, _ *stowage.Node) string { return p.UID() },
	"pod.schedulerName":    func(p *stowage.Pod, _ *stowage.Node) string { return p.SchedulerName() },
	"pod.priority":         func(p *stowage.Pod, _ *stowage.Node) string { return fmt.Sprint(p.Priority()) },
	"pod.priorityClass":    func(p *stowage.Pod, _ *stowage.Node) string { return p.PriorityClass() },
	"pod.serviceAccount":   func(p *stowage.Pod, _ *stowage.Node) string { return p.ServiceAccount() },
	"pod.runtimeClass":     func(p *stowage.Pod, _ *stowage.Node) string { return p.RuntimeClass() },
	"pod.nominatedNode":    func(p *stowage.Pod, _ *stowage.Node) string { return p.NominatedNode() },
	"pod.created":          func(p *stowage.Pod, _ *stowage.Node) string { return fmt.Sprint(p.CreatedUnixNano()) },
	"pod.terminationGrace": func(p *stowage.Pod, _ *stowage.Node) string { return fmt.Sprint(p.TerminationGraceSeconds()) },
	"pod.hostNetwork":      func(p *stowage.Pod, _ *stowage.Node) string { return fmt.Sprint(p.HostNetwork()) },
	"pod.hostPID":          func(p *stowage.Pod, _ *stowage.Node) string { return fmt.Sprint(p.HostPID()) },
	"pod.hostIPC":          func(p *stowage.Pod, _ *stowage.Node) string { return fmt.Sprint(p.HostIPC()) },
	"pod.neverPreempts":    func(p *stowage.Pod, _ *stowage.Node) string { return fmt.Sprint(p.NeverPreempts()) },
	"pod.terminating":      func(p *stowage.Pod, _ *stowage.Node) string { return fmt.Sprint(p.Terminating()) },
	"pod.requests":         func(p *stowage.Pod, _ *stowage.Node) string { return quantities(p.Requests()) },
	"pod.limits":           func(p *stowage.Pod, _ *stowage.Node) string { return quantities(p.Limits()) },
	"pod.labels":           func(p *stowage.Pod, _ *stowage.Node) string { return labels(p.Labels(), p.Label) },
	"pod.annotations":      func(p *stowage.Pod, _ *stowage.Node) string { return labels(p.Annotations(), p.Annotation) },
	"pod.nodeSelector": func(p *stowage.Pod, _ *stowage.Node) string {
		return labels(p.NodeSelector(), p.NodeSelector().Get)
	},
	"pod.tolerations": tolerations,
	// The node's taints that the pod tolerates, "<key>:<effect>".
	"pod.tolerates": func(p *stowage.Pod, n *stowage.Node) string {
		var e entries
		for t := range n.Taints() {
			if p.Tolerates(t) {
				e.add("%q:%s", t.Key, t.Effect)
			}
		}
		return e.String()
	},
	"pod.matchesNodeAffinity": func(p *stowage.Pod, n *stowage.Node) string { return fmt.Sprint(p.MatchesNodeAffinity(n)) },
	// "absent", or terms; see nodeTerms.
	"pod.requiredNodeTerms": func(p *stowage.Pod, n *stowage.Node) string {
		if !p.RequiresNodeTerms() {
			return "absent"
		}
		return nodeTerms(p.RequiredNodeTerms(), n)
	},
	"pod.preferredNodeTerms":       func(p *stowage.Pod, n *stowage.Node) string { return nodeTerms(p.PreferredNodeTerms(), n) },
	"pod.requiredPodAffinity":      func(p *stowage.Pod, _ *stowage.Node) string { return podTerms(p, p.RequiredPodAffinity()) },
	"pod.preferredPodAffinity":     func(p *stowage.Pod, _ *stowage.Node) string { return podTerms(p, p.PreferredPodAffinity()) },
	"pod.requiredPodAntiAffinity":  func(p *stowage.Pod, _ *stowage.Node) string { return podTerms(p, p.RequiredPodAntiAffinity()) },
	"pod.preferredPodAntiAffinity": func(p *stowage.Pod, _ *stowage.Node) string { return podTerms(p, p.PreferredPodAntiAffinity()) },
	// "<topology key> <max skew> <min domains> <do not schedule> <selector>"
	"pod.topologySpread": func(p *stowage.Pod, _ *stowage.Node) string {
		var e entries
		for s := range p.TopologySpread() {
			e.add("%q %d %d %t %s", s.TopologyKey(), s.MaxSkew(), s.MinDomains(), s.DoNotSchedule(), selector(s.Selector()))
		}
		return e.String()
	},
	// "<name> <image> <kind> [<requests>] [<limits>] [<ports>]"
	"pod.containers": func(p *stowage.Pod, _ *stowage.Node) string {
		var e entries
		for c := range p.Containers() {
			var ports entries
			for port := range c.Ports() {
				ports.port(port)
			}
			e.add("%q %q %s [%s] [%s] [%s]", c.Name(), c.Image(), c.Kind(), quantities(c.Requests()), quantities(c.Limits()), ports)
		}
		return e.String()
	},
	// "<name> <kind> <source>"
	"pod.volumes": func(p *stowage.Pod, _ *stowage.Node) string {
		var e entries
		for v := range p.Volumes() {
			e.add("%q %s %q", v.Name, v.Kind, v.Source)
		}
		return e.String()
	},
	// "<apiVersion> <kind> <name> <uid> <controller>"
	"pod.owners": func(p *stowage.Pod, _ *stowage.Node) string {
		var e entries
		for o := range p.Owners() {
			e.add("%q %q %q %q %t", o.APIVersion, o.Kind, o.Name, o.UID, o.Controller)
		}
		return e.String()
	},
	// The controller's "<kind> <name>", or "none".
	"pod.controller": func(p *stowage.Pod, _ *stowage.Node) string {
		o, ok := p.Controller()
		if !ok {
			return "none"
		}
		return fmt.Sprintf("%q %q", o.Kind, o.Name)
	},
}

// tolerations read "<key> <operator> <value> <effect> <seconds>", the latter -1 if for ever.
func tolerations(p *stowage.Pod, _ *stowage.Node) string {
	var e entries
	for t := range p.Tolerations() {
		seconds, ok := t.Seconds()
		if !ok {
			seconds = -1
		}
		e.add("%q %s %q %q %d", t.Key, t.Operator, t.Value, t.Effect, seconds)
	}
	return e.String()
}

// nodeTerms read "<weight> <labels> <fields> <matches the node>".
func nodeTerms(terms iter.Seq[stowage.NodeTerm], n *stowage.Node) string {
	var e entries
	for t := range terms {
		e.add("%d %s %s %t", t.Weight(), selector(t.Labels()), selector(t.Fields()), t.Matches(n))
	}
	return e.String()
}

// podTerms read "<weight> <topology key> <selector> <namespaces> <namespace selector> <matches
// the pod's own labels>".
func podTerms(p *stowage.Pod, terms iter.Seq[stowage.PodTerm]) string {
	var e entries
	for t := range terms {
		var namespaces []string
		for n := range t.Namespaces() {
			namespaces = append(namespaces, n)
		}
		e.add("%d %q %s %q %s %t", t.Weight(), t.TopologyKey(), selector(t.Selector()), namespaces,
			selector(t.NamespaceSelector()), t.Selector().Matches(p.Labels()))
	}
	return e.String()
}

// selector reads "absent", or "(<key> <operator> [<values>])" for each requirement in braces.
func selector(s stowage.Selector) string {
	if !s.Present() {
		return "absent"
	}
	var requirements []string
	for r := range s.Requirements() {
		var values []string
		for v := range r.Values() {
			values = append(values, v)
		}
		requirements = append(requirements, fmt.Sprintf("(%q %s %q)", r.Key(), r.Operator(), values))
	}
	return "{" + strings.Join(requirements, "") + "}"
}
