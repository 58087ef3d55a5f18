// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// binpack prefers nodes that are fullest once the pod is on them, by configurable weights, so
// that other nodes stay empty: for large pods, or to be switched off.
package main

import (
	"strconv"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

const reads = stowage.ReadNodeExtended

func init() { stowage.Register(newPolicy(), reads) }

func main() {}

var (
	_ stowage.Configurer   = (*policy)(nil)
	_ stowage.CycleStarter = (*policy)(nil)
	_ stowage.ScorePlugin  = (*policy)(nil)
)

type policy struct {
	resources []resource
}

// resource counts with a weight. asked is how much of it the pod requests.
type resource struct {
	name   string
	weight uint64
	asked  int64
}

func newPolicy() *policy {
	return &policy{resources: []resource{
		{name: stowage.ResourceCPU, weight: 1},
		{name: stowage.ResourceMemory, weight: 1},
	}}
}

const (
	maxWeight    = 100
	maxResources = 16
)

// Configure replaces the resources and their weights.
func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	if c.Has("resources") {
		p.resources = read(c)
	}
	return c.Err()
}

func read(c *config.Object) []resource {
	items := c.Objects("resources")
	if len(items) == 0 || len(items) > maxResources {
		c.Problem("resources", "must list 1 to "+strconv.Itoa(maxResources)+" resources, lists "+strconv.Itoa(len(items)))
	}
	var out []resource
	seen := map[string]bool{}
	for _, item := range items {
		r := resource{name: item.String("name", ""), weight: uint64(item.Int("weight", 1, 1, maxWeight))}
		switch {
		case r.name == "":
			item.Problem("name", "is missing; name a resource such as cpu or nvidia.com/gpu")
		case seen[r.name]:
			item.Problem("name", r.name+" is listed twice")
		}
		seen[r.name] = true
		out = append(out, r)
	}
	return out
}

// StartCycle looks up what the pod requests.
func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	requests := pod.Requests()
	for i := range p.resources {
		r := &p.resources[i]
		r.asked = requests.Get(r.name)
	}
}

// Score is the weighted share of the node that is in use with the pod on it. A resource that
// the node does not have does not count; one that it has counts though the pod does not ask
// for it, which keeps pods without GPUs off nodes with idle ones.
func (p *policy) Score(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) (int64, stowage.Status) {
	var sum, weights uint64
	for i := range p.resources {
		r := &p.resources[i]
		if allocatable, used := amounts(node, r.name); allocatable > 0 {
			sum += r.weight * percent(used+r.asked, allocatable)
			weights += r.weight
		}
	}
	if weights == 0 {
		return stowage.MinScore, stowage.Success()
	}
	return int64(sum / weights), stowage.Success()
}

// percent divides unsigned, which Go does much faster in Wasm. Nodes can be overcommitted.
func percent(used, allocatable int64) uint64 {
	if used >= allocatable {
		return 100
	}
	return uint64(max(used, 0)) * 100 / uint64(allocatable)
}

func amounts(node *stowage.Node, name string) (allocatable, used int64) {
	switch name {
	case stowage.ResourceCPU:
		return node.Allocatable().MilliCPU, node.Requested().MilliCPU
	case stowage.ResourceMemory:
		return node.Allocatable().Memory, node.Requested().Memory
	case stowage.ResourceEphemeralStorage:
		return node.Allocatable().EphemeralStorage, node.Requested().EphemeralStorage
	}
	allocatable, used, _ = node.Extended(name)
	return allocatable, used
}
