// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// NodeBuilder describes a fake node.
type NodeBuilder struct{ node corev1.Node }

// MakeNode starts the description of a node with 8 CPUs, 32Gi of memory and room for 110 pods.
func MakeNode(name string) *NodeBuilder {
	b := &NodeBuilder{corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}}
	b.node.Status.Capacity = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("110")}
	return b.Label(corev1.LabelHostname, name).Capacity("8", "32Gi")
}

// Zone sets the zone's label.
func (b *NodeBuilder) Zone(zone string) *NodeBuilder { return b.Label(corev1.LabelTopologyZone, zone) }

// Label sets one label.
func (b *NodeBuilder) Label(key, value string) *NodeBuilder {
	metav1.SetMetaDataLabel(&b.node.ObjectMeta, key, value)
	return b
}

// Capacity sets CPU and memory. It panics if they are no quantities, as resource.MustParse does.
func (b *NodeBuilder) Capacity(cpu, memory string) *NodeBuilder {
	return b.Resource(corev1.ResourceCPU, cpu).Resource(corev1.ResourceMemory, memory)
}

// Resource sets the amount of one resource, for example nvidia.com/gpu.
func (b *NodeBuilder) Resource(name corev1.ResourceName, amount string) *NodeBuilder {
	b.node.Status.Capacity[name] = resource.MustParse(amount)
	return b
}

// Obj returns the node. Everything that it has is allocatable.
func (b *NodeBuilder) Obj() *corev1.Node {
	node := b.node.DeepCopy()
	node.Status.Allocatable = maps.Clone(node.Status.Capacity)
	return node
}

// CreateNodes creates nodes and waits until kwok has made them Ready.
func (c *Cluster) CreateNodes(ctx context.Context, nodes ...*corev1.Node) error {
	for _, node := range nodes {
		if _, err := c.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating node %s: %w", node.Name, err)
		}
	}
	for _, node := range nodes {
		if err := c.waitNode(ctx, node.Name); err != nil {
			return fmt.Errorf("waiting for node %s to be Ready: %w", node.Name, err)
		}
	}
	return nil
}

func (c *Cluster) waitNode(ctx context.Context, name string) error {
	return wait.PollUntilContextTimeout(ctx, readyPoll, c.opts.Timeout, true, func(ctx context.Context) (bool, error) {
		node, err := c.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady {
				return condition.Status == corev1.ConditionTrue, nil
			}
		}
		return false, nil
	})
}
