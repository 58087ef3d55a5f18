// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"strconv"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/test/cluster"
	"github.com/stowage-scheduler/stowage/test/native/rules"
)

// tightTaint keeps all but their own pods from the nodes of the pool "tight", which have little CPU.
const (
	tightTaint = "quota/tight"
	tightPool  = "tight"
	tightNodes = rules.Zones
	// tightRoom is how many pods of tightCPU fit there.
	tightRoom = 2 * tightNodes
	tightCPU  = "900m"
)

// ChurnTaint is what Op.Taint adds and removes.
const ChurnTaint = "quota/churn"

func (g *generator) makeNodes() {
	for i := range tightNodes {
		b := cluster.MakeNode(fmt.Sprintf("tight-%d", i)).Zone(strconv.Itoa(i)).Label(rules.PoolLabel, tightPool).Capacity("2", "32Gi")
		node := b.Obj()
		node.Spec.Taints = []v1.Taint{{Key: tightTaint, Effect: v1.TaintEffectNoSchedule}}
		g.workload.Nodes = append(g.workload.Nodes, node)
	}
	for i := range g.options.Nodes - tightNodes {
		node := g.node(fmt.Sprintf("node-%03d", i), i)
		g.workload.Nodes = append(g.workload.Nodes, node)
		g.nodes = append(g.nodes, node.Name)
	}
}

// node makes node i: one in five is in pool "p0", one in "p1".
func (g *generator) node(name string, i int) *v1.Node {
	b := cluster.MakeNode(name).Zone(strconv.Itoa(i % rules.Zones))
	if pool := i % 5; pool < 2 {
		b.Label(rules.PoolLabel, fmt.Sprintf("p%d", pool))
	}
	return b.Obj()
}

// someNode is one of those that change.
func (g *generator) someNode() string { return g.nodes[g.random.IntN(len(g.nodes))] }

// churn is what happens to nodes in a phase. What was closed or tainted in the one before is taken back.
func (g *generator) churn(phase int) (ops Phase) {
	i := g.random.IntN(len(g.nodes))
	gone := g.nodes[i]
	g.nodes = append(g.nodes[:i], g.nodes[i+1:]...)
	added := g.node(fmt.Sprintf("extra-%02d", phase), g.random.IntN(1000))
	ops = append(ops,
		Op{RemoveNode: gone}, Op{AddNode: added},
		Op{Label: &Label{g.someNode(), rules.ZoneLabel, strconv.Itoa(g.random.IntN(rules.Zones))}},
	)
	ops = append(ops, g.restrict(phase)...)
	g.nodes = append(g.nodes, added.Name)
	return ops
}

// restrict closes or taints a node, or takes that back.
func (g *generator) restrict(phase int) Phase {
	if g.closed != "" {
		ops := Phase{{Label: &Label{g.closed, rules.ClosedLabel, ""}}, {Taint: &Taint{g.tainted, false}}}
		g.nodes = append(g.nodes, g.closed, g.tainted)
		g.closed, g.tainted = "", ""
		return ops
	}
	g.closed, g.tainted = g.take(), g.take()
	return Phase{{Label: &Label{g.closed, rules.ClosedLabel, strconv.Itoa(phase)}}, {Taint: &Taint{g.tainted, true}}}
}

// take takes a node away from those that change.
func (g *generator) take() string {
	i := g.random.IntN(len(g.nodes))
	name := g.nodes[i]
	g.nodes = append(g.nodes[:i], g.nodes[i+1:]...)
	return name
}
