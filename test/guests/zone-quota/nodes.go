// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/test/native/rules"
)

func (p *policy) PreFilter(c *stowage.Cycle, _ *stowage.Pod) (r stowage.PreFilterResult, _ stowage.Status) {
	if p.pod.Free() {
		return r, stowage.Skip()
	}
	var s rules.State
	var pool stowage.Subset
	for node := range c.Nodes() {
		if name, _ := node.Label(rules.PoolLabel); p.pod.InPool(name) {
			pool.Add(node)
		}
		for other := range node.Pods() {
			app, _ := other.Label(rules.AppLabel)
			s.Add(&p.pod, app, node.Zone(), 1)
		}
	}
	r.State = stowage.EncodeState(&s)
	switch {
	case p.pod.Pool == "":
		return r, stowage.Success()
	case pool.Len() == 0:
		return r, stowage.UnschedulableAndUnresolvable(rules.ReasonNoPool)
	}
	r.Subset = &pool
	return r, stowage.Success()
}

func (p *policy) AddPod(c *stowage.Cycle, _, other *stowage.Pod, node *stowage.Node) ([]byte, stowage.Status) {
	return p.change(c, other, node, 1)
}

func (p *policy) RemovePod(c *stowage.Cycle, _, other *stowage.Pod, node *stowage.Node) ([]byte, stowage.Status) {
	return p.change(c, other, node, -1)
}

func (p *policy) change(c *stowage.Cycle, other *stowage.Pod, node *stowage.Node, n int32) ([]byte, stowage.Status) {
	have, ok := stowage.StateOf[rules.State](c)
	if !ok {
		return nil, stowage.Error("there is no state of PreFilter")
	}
	s := *have
	app, _ := other.Label(rules.AppLabel)
	s.Add(&p.pod, app, node.Zone(), n)
	return stowage.EncodeState(&s), stowage.Success()
}

func (p *policy) Filter(c *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.Status {
	s, ok := stowage.StateOf[rules.State](c)
	if !ok {
		return stowage.Error("there is no state of PreFilter")
	}
	n := nodeOf(node)
	v := rules.Filter(p.limit, s, &n)
	switch {
	case v.Reason == "":
		return stowage.Success()
	case v.Final:
		return stowage.UnschedulableAndUnresolvable(v.Reason)
	}
	return stowage.Unschedulable(v.Reason)
}

func (p *policy) Score(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) (int64, stowage.Status) {
	n := nodeOf(node)
	return rules.Score(&p.pod, &n), stowage.Success()
}

func (p *policy) NormalizeScore(_ *stowage.Cycle, _ *stowage.Pod, _ stowage.Nodes, scores []int64) stowage.Status {
	rules.Normalize(scores)
	return stowage.Success()
}
