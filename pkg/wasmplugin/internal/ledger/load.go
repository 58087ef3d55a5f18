// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
	fwk "k8s.io/kube-scheduler/framework"
)

// sums is what pods request of the resources that every node has: CPU in thousandths, the
// others in bytes; and how many pods they are.
type sums struct {
	pods, cpu, memory, storage int64
}

func (s *sums) add(o sums, sign int64) {
	s.pods += sign * o.pods
	s.cpu += sign * o.cpu
	s.memory += sign * o.memory
	s.storage += sign * o.storage
}

// load is what one pod counts for. The map is not the ledger's: it is only read.
type load struct {
	pod *v1.Pod
	sums
	scalars map[v1.ResourceName]int64
}

// loadOf is what a pod on a node counts for: what the NodeInfo counts for it.
func loadOf(p fwk.PodInfo) load {
	r := p.CalculateResource().Resource
	return load{
		pod:     p.GetPod(),
		sums:    sums{1, r.GetMilliCPU(), r.GetMemory(), r.GetEphemeralStorage()},
		scalars: r.GetScalarResources(),
	}
}

// asCounted is the options that a NodeInfo uses when all feature gates are on. Where a gate is
// off, the API server drops the fields that it is about, so the options change nothing.
var asCounted = resource.PodResourcesOptions{
	UseStatusResources: true,
	InPlacePodLevelResourcesVerticalScalingEnabled: true,
	UseDRANodeAllocatableResourceClaimStatus:       true,
}

// pendingLoad is what a NodeInfo will count for a pod that none shows yet.
func pendingLoad(pod *v1.Pod) load {
	p := load{pod: pod, sums: sums{pods: 1}}
	for name, q := range resource.PodRequests(pod, asCounted) {
		switch name {
		case v1.ResourceCPU:
			p.cpu = q.MilliValue()
		case v1.ResourceMemory:
			p.memory = q.Value()
		case v1.ResourceEphemeralStorage:
			p.storage = q.Value()
		default:
			p.addScalar(name, q.Value())
		}
	}
	return p
}

func (p *load) addScalar(name v1.ResourceName, n int64) {
	if !isScalar(name) {
		return
	}
	if p.scalars == nil {
		p.scalars = map[v1.ResourceName]int64{}
	}
	p.scalars[name] = n
}

// isScalar tells what the scheduler counts by name: extended resources, huge pages, volumes.
func isScalar(name v1.ResourceName) bool {
	s := string(name)
	return strings.HasPrefix(s, v1.ResourceHugePagesPrefix) || strings.HasPrefix(s, v1.ResourceAttachableVolumesPrefix) ||
		strings.Contains(s, v1.ResourceDefaultNamespacePrefix) ||
		strings.Contains(s, "/") && !strings.HasPrefix(s, v1.DefaultResourceRequestsPrefix)
}
