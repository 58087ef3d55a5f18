// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

// nodeFields read everything that there is on a node.
var nodeFields = map[string]func(*stowage.Node) string{
	"node.name":               (*stowage.Node).Name,
	"node.zone":               (*stowage.Node).Zone,
	"node.region":             (*stowage.Node).Region,
	"node.unschedulable":      func(n *stowage.Node) string { return fmt.Sprint(n.Unschedulable()) },
	"node.ready":              func(n *stowage.Node) string { return fmt.Sprint(n.Ready()) },
	"node.memoryPressure":     func(n *stowage.Node) string { return fmt.Sprint(n.MemoryPressure()) },
	"node.diskPressure":       func(n *stowage.Node) string { return fmt.Sprint(n.DiskPressure()) },
	"node.pidPressure":        func(n *stowage.Node) string { return fmt.Sprint(n.PIDPressure()) },
	"node.networkUnavailable": func(n *stowage.Node) string { return fmt.Sprint(n.NetworkUnavailable()) },
	"node.podCount":           func(n *stowage.Node) string { return fmt.Sprint(n.PodCount()) },
	"node.maxPods":            func(n *stowage.Node) string { return fmt.Sprint(n.MaxPods()) },
	// Resources read "<milli-cores> <bytes of memory> <bytes of ephemeral storage>".
	"node.allocatable":      func(n *stowage.Node) string { return resources(n.Allocatable()) },
	"node.requested":        func(n *stowage.Node) string { return resources(n.Requested()) },
	"node.nonZeroRequested": func(n *stowage.Node) string { return resources(n.NonZeroRequested()) },
	// Labels read "<key>=<value>", sorted by key; each is looked up as well.
	"node.labels":      func(n *stowage.Node) string { return labels(n.Labels(), n.Label) },
	"node.annotations": func(n *stowage.Node) string { return labels(n.Annotations(), n.Annotation) },
	"node.labelIs":     labelIs,
	// "<key>=<value>:<effect>"
	"node.taints": func(n *stowage.Node) string {
		var e entries
		for t := range n.Taints() {
			e.add("%q=%q:%s", t.Key, t.Value, t.Effect)
		}
		return e.String()
	},
	// "<name> <allocatable> <requested>"
	"node.extended": func(n *stowage.Node) string {
		var e entries
		for r := range n.ExtendedResources() {
			allocatable, requested, ok := n.Extended(r.Name)
			if !ok || allocatable != r.Allocatable || requested != r.Requested {
				e.add("Extended(%q) differs", r.Name)
			}
			e.add("%q %d %d", r.Name, r.Allocatable, r.Requested)
		}
		return e.String()
	},
	// "<type> <status>"
	"node.conditions": func(n *stowage.Node) string {
		var e entries
		for c := range n.Conditions() {
			e.add("%q %s", c.Type, c.Status)
		}
		return e.String()
	},
	// "<name> <bytes> <nodes>"
	"node.images": func(n *stowage.Node) string {
		var e entries
		for i := range n.Images() {
			e.add("%q %d %d", i.Name, i.Size, i.Nodes)
		}
		return e.String()
	},
	// "<protocol> <host IP> <host port> <container port>"
	"node.ports": func(n *stowage.Node) string {
		var e entries
		for p := range n.Ports() {
			e.port(p)
		}
		return e.String()
	},
	// "<namespace> <name> <uid> <priority> <hostNetwork> <terminating> [<requests>] [<labels>] <owner kind> <owner name>"
	"node.pods": func(n *stowage.Node) string {
		var e entries
		for p := range n.Pods() {
			kind, name := p.Controller()
			e.add("%q %q %q %d %t %t [%s] [%s] %q %q", p.Namespace(), p.Name(), p.UID(), p.Priority(),
				p.HostNetwork(), p.Terminating(), quantities(p.Requests()), labels(p.Labels(), p.Label), kind, name)
		}
		return e.String()
	},
}

// labelIs is what labels reads, by way of the accessors that compare.
func labelIs(n *stowage.Node) string {
	var e entries
	for k, v := range n.Labels().All() {
		if n.LabelIs(k, v) && !n.LabelIs(k, v+"x") && !n.LabelIs(k+"x", v) {
			e.add("%q=%q", k, v)
		}
	}
	if !n.InZone(n.Zone()) || n.InZone(n.Zone()+"x") || !n.InRegion(n.Region()) || n.InRegion(n.Region()+"x") {
		e.add("InZone or InRegion differs")
	}
	return e.String()
}

// entries are the text of a list.
type entries []string

func (e *entries) add(format string, args ...any) { *e = append(*e, fmt.Sprintf(format, args...)) }

func (e *entries) port(p stowage.Port) {
	e.add("%s %q %d %d", p.Protocol, p.HostIP, p.Host, p.Container)
}

// String joins the entries.
func (e entries) String() string { return strings.Join(e, "; ") }

func resources(r stowage.Resources) string {
	return fmt.Sprint(r.MilliCPU, r.Memory, r.EphemeralStorage)
}

func labels(l stowage.Labels, get func(string) (string, bool)) string {
	var e entries
	for k, v := range l.All() {
		one, ok := get(k)
		two, okToo := l.Get(k)
		if _, none := get(k + "x"); !ok || !okToo || one != v || two != v || none {
			e.add("lookup of %q differs", k)
		}
		e.add("%q=%q", k, v)
	}
	if len(e) != l.Len() {
		e.add("Len is %d", l.Len())
	}
	return e.String()
}

// quantities read "<name> <amount>".
func quantities(q stowage.Quantities) string {
	var e entries
	for name, amount := range q.All() {
		if q.Get(name) != amount {
			e.add("Get(%q) is %d", name, q.Get(name))
		}
		e.add("%q %d", name, amount)
	}
	r := stowage.Resources{
		MilliCPU:         q.Get(stowage.ResourceCPU),
		Memory:           q.Get(stowage.ResourceMemory),
		EphemeralStorage: q.Get(stowage.ResourceEphemeralStorage),
	}
	if q.Resources() != r {
		e.add("Resources is %v", q.Resources())
	}
	return e.String()
}
