// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// zone-affinity keeps a pod in the zone and the node pool that its labels ask for.
//
// It reads the pod once per scheduling attempt (StartCycle) and then compares one or two
// labels per node.
package main

import (
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

const reads = stowage.ReadPodLabels | stowage.ReadNodeLabels

func init() { stowage.Register(newPolicy(), reads) }

func main() {}

// The policy refuses nodes; it answers PreFilter so that other pods cost nothing.
var (
	_ stowage.Configurer      = (*policy)(nil)
	_ stowage.CycleStarter    = (*policy)(nil)
	_ stowage.PreFilterPlugin = (*policy)(nil)
	_ stowage.FilterPlugin    = (*policy)(nil)
)

type policy struct {
	zone, pool rule
}

// rule says that a pod's label names the value that a node's label must have.
type rule struct {
	noun              string
	podLabel, nodeKey string

	// want and refusal are of the pod that is being scheduled; want is "" if it does not ask.
	want    string
	refusal stowage.Status
}

func newPolicy() *policy {
	return &policy{
		zone: rule{noun: "zone", podLabel: "stowage.dev/zone", nodeKey: "topology.kubernetes.io/zone"},
		pool: rule{noun: "pool", podLabel: "stowage.dev/pool", nodeKey: "stowage.dev/pool"},
	}
}

// Configure renames the labels.
func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	p.zone.podLabel = labelKey(c, "zoneLabel", p.zone.podLabel)
	p.zone.nodeKey = labelKey(c, "nodeZoneKey", p.zone.nodeKey)
	p.pool.podLabel = labelKey(c, "poolLabel", p.pool.podLabel)
	p.pool.nodeKey = labelKey(c, "nodePoolKey", p.pool.nodeKey)
	return c.Err()
}

// labelKey reads a field. The check is roughly Kubernetes' rule: enough to catch a value in a
// key's place.
func labelKey(c *config.Object, field, otherwise string) string {
	key := c.String(field, otherwise)
	name := key[strings.IndexByte(key, '/')+1:]
	if name == "" || len(name) > 63 || strings.ContainsAny(name, "/ \t\n:=,") {
		c.Problem(field, "must be a label's key such as example.com/zone, is \""+key+"\"")
	}
	return key
}

// StartCycle reads what the pod asks for.
func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	p.zone.read(pod)
	p.pool.read(pod)
}

func (r *rule) read(pod *stowage.Pod) {
	r.want, _ = pod.Label(r.podLabel)
	if r.want != "" {
		r.refusal = stowage.UnschedulableAndUnresolvable("not in " + r.noun + " " + r.want + ", which the pod's label " + r.podLabel + " asks for")
	}
}

// PreFilter steps aside for pods that ask for nothing.
func (p *policy) PreFilter(*stowage.Cycle, *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	if p.zone.want == "" && p.pool.want == "" {
		return stowage.PreFilterResult{}, stowage.Skip()
	}
	return stowage.PreFilterResult{}, stowage.Success()
}

// Filter refuses nodes elsewhere. Removing pods does not move a node, so preemption need not try.
func (p *policy) Filter(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.Status {
	if p.zone.want != "" && !node.LabelIs(p.zone.nodeKey, p.zone.want) {
		return p.zone.refusal
	}
	if p.pool.want != "" && !node.LabelIs(p.pool.nodeKey, p.pool.want) {
		return p.pool.refusal
	}
	return stowage.Success()
}
