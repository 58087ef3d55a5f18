// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package policytest runs a policy's module in the plugin that the scheduler runs, over the
// scheduler's own cache and snapshot, with a test in the place of the scheduling cycle. It is
// for tests only: unlike the rest of pkg/wasmplugin it imports k8s.io/kubernetes.
//
// Ownership: everything is closed when the test ends.
//
// Concurrency: a Cluster and its Policies belong to one goroutine, as in the scheduler; only
// Attempt.Filter may be called by several workers at once.
package policytest

import (
	"context"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/metrics"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin"
)

// Cluster is the nodes and pods that a scheduler knows. Changes are seen by the attempts that
// start after them.
type Cluster struct {
	tb     testing.TB
	ctx    context.Context
	logger klog.Logger
	cache  cache.Cache
	snap   *cache.Snapshot
	nodes  map[string]*v1.Node
	pods   map[types.UID]*v1.Pod
	host   *wasmplugin.Host
}

// NewCluster makes a cluster of nodes, and of pods that are bound to them.
func NewCluster(tb testing.TB, nodes []*v1.Node, pods ...*v1.Pod) *Cluster {
	tb.Helper()
	metrics.Register() // the cache counts what it holds
	logger := ktesting.NewLogger(tb, ktesting.NewConfig(ktesting.Verbosity(4), ktesting.BufferLogs(true)))
	ctx := klog.NewContext(tb.Context(), logger)
	c := &Cluster{
		tb: tb, ctx: ctx, logger: logger,
		cache: cache.New(ctx, nil, false, false),
		snap:  cache.NewEmptySnapshot(),
		nodes: map[string]*v1.Node{},
		pods:  map[types.UID]*v1.Pod{},
		host:  wasmplugin.NewHost(),
	}
	// Compiling a guest takes long under the race detector.
	c.host.SetLoadTimeout(5 * time.Minute)
	tb.Cleanup(func() { c.check(c.host.Close()) })
	c.Reset(nodes, pods...)
	return c
}

// Reset makes it a cluster of other nodes and pods.
func (c *Cluster) Reset(nodes []*v1.Node, pods ...*v1.Pod) {
	c.tb.Helper()
	for _, pod := range c.pods {
		c.RemovePod(pod)
	}
	for name := range c.nodes {
		c.RemoveNode(name)
	}
	for _, node := range nodes {
		c.SetNode(node)
	}
	for _, pod := range pods {
		c.AddPod(pod)
	}
}

// SetNode adds a node or changes the one of that name.
func (c *Cluster) SetNode(node *v1.Node) {
	if old, ok := c.nodes[node.Name]; ok {
		c.cache.UpdateNode(c.logger, old, node)
	} else {
		c.cache.AddNode(c.logger, node)
	}
	c.nodes[node.Name] = node
}

// RemoveNode removes a node.
func (c *Cluster) RemoveNode(name string) {
	c.tb.Helper()
	c.check(c.cache.RemoveNode(c.logger, c.nodes[name]))
	delete(c.nodes, name)
}

// AddPod adds a pod to the node that it is bound to.
func (c *Cluster) AddPod(pod *v1.Pod) {
	c.tb.Helper()
	c.check(c.cache.AddPod(c.logger, pod))
	c.pods[pod.UID] = pod
}

// RemovePod removes a pod from its node.
func (c *Cluster) RemovePod(pod *v1.Pod) {
	c.tb.Helper()
	c.check(c.cache.RemovePod(c.logger, pod))
	delete(c.pods, pod.UID)
}

// Logged is what was logged so far, by policies too.
func (c *Cluster) Logged() string {
	underlier, ok := c.logger.GetSink().(ktesting.Underlier)
	if !ok {
		c.tb.Fatal("the logger was replaced")
	}
	return strings.TrimSpace(underlier.GetBuffer().String())
}

// list brings the snapshot up to date, as the scheduler does before a cycle.
func (c *Cluster) list() []fwk.NodeInfo {
	c.tb.Helper()
	c.check(c.cache.UpdateSnapshot(c.logger, c.snap))
	list, err := c.snap.NodeInfos().List()
	c.check(err)
	return list
}

func (c *Cluster) check(err error) {
	c.tb.Helper()
	if err != nil {
		c.tb.Error(err)
	}
}
