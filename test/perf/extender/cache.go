// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package extender

import (
	"sync"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-helpers/resource"
)

// Cache is the extender's own view of the cluster, which a scheduler with nodeCacheCapable
// expects it to have. It may be used concurrently.
type Cache struct {
	mu    sync.RWMutex // guards both maps
	nodes map[string]*v1.Node
	used  map[string]usage
}

type usage struct{ milliCPU, memory int64 }

func (u usage) plus(v usage) usage { return usage{u.milliCPU + v.milliCPU, u.memory + v.memory} }

func (u usage) minus(v usage) usage { return usage{u.milliCPU - v.milliCPU, u.memory - v.memory} }

// NewCache returns an empty cache.
func NewCache() *Cache {
	return &Cache{nodes: map[string]*v1.Node{}, used: map[string]usage{}}
}

// SetNode adds a node or its new state.
func (c *Cache) SetNode(node *v1.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[node.Name] = node
}

// AddPod counts a pod on its node; a pod without one counts nowhere.
func (c *Cache) AddPod(pod *v1.Pod) { c.count(pod, usage.plus) }

// RemovePod takes back what AddPod counted.
func (c *Cache) RemovePod(pod *v1.Pod) { c.count(pod, usage.minus) }

func (c *Cache) count(pod *v1.Pod, op func(usage, usage) usage) {
	if pod.Spec.NodeName == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used[pod.Spec.NodeName] = op(c.used[pod.Spec.NodeName], asked(pod))
}

func asked(pod *v1.Pod) usage {
	requests := resource.PodRequests(pod, resource.PodResourcesOptions{})
	return usage{requests.Cpu().MilliValue(), requests.Memory().Value()}
}

// Follow keeps the cache up to date from informers, for which the caller waits.
func (c *Cache) Follow(factory informers.SharedInformerFactory) error {
	_, err := factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { c.SetNode(obj.(*v1.Node)) },
		UpdateFunc: func(_, obj any) { c.SetNode(obj.(*v1.Node)) },
	})
	if err != nil {
		return err
	}
	_, err = factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { c.AddPod(obj.(*v1.Pod)) },
		UpdateFunc: func(old, obj any) {
			c.RemovePod(old.(*v1.Pod))
			c.AddPod(obj.(*v1.Pod))
		},
	})
	return err
}
