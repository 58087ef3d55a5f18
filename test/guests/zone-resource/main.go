// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Zone-resource is the policy of the benchmarks: a pod runs in the zone that its label names,
// on the node with the most room left. test/perf/native is the same policy as a native plugin.
package main

import stowage "github.com/stowage-scheduler/stowage/sdk/go"

const (
	// wantedZone is the pod's label for the zone; pods without it run anywhere.
	wantedZone = "stowage.dev/zone"
	nodeZone   = "topology.kubernetes.io/zone"

	cpuWeight    = 2
	memoryWeight = 1
)

var otherZone = stowage.UnschedulableAndUnresolvable("node(s) were in another zone")

// policy holds what follows from the pod.
type policy struct {
	zone  string
	bound bool
	asks  stowage.Resources
}

func init() { stowage.Register(&policy{}, stowage.ReadNodeLabels|stowage.ReadPodLabels) }

func main() {}

// StartCycle reads the pod once for all nodes.
func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	p.zone, p.bound = pod.Label(wantedZone)
	p.asks = pod.Requests().Resources()
}

// Filter keeps the pod in its zone.
func (p *policy) Filter(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.Status {
	if !p.bound {
		return stowage.Success()
	}
	if zone, ok := node.Label(nodeZone); !ok || zone != p.zone {
		return otherZone
	}
	return stowage.Success()
}

// Score prefers the node that has the largest share of its CPU and memory left with the pod on it.
func (p *policy) Score(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) (int64, stowage.Status) {
	has, used := node.Allocatable(), node.Requested()
	cpu := free(has.MilliCPU, used.MilliCPU+p.asks.MilliCPU)
	memory := free(has.Memory, used.Memory+p.asks.Memory)
	return (cpu*cpuWeight + memory*memoryWeight) / (cpuWeight + memoryWeight), stowage.Success()
}

// free is the share of a resource that is left, from 0 to stowage.MaxScore.
func free(has, used int64) int64 {
	if has <= 0 || used >= has {
		return 0
	}
	return (has - used) * stowage.MaxScore / has
}
