// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Command probe is a policy whose behaviour the pod's labels choose, for tests of the host.
//
//	probe/max-pods=N    Filter refuses nodes that hold N pods or more
//	probe/needs=K       Filter refuses nodes without the label K, naming the node
//	probe/panic=POINT   the policy panics in that extension point ("filter", "score", ...)
//	probe/skip=POINT    PreFilter or PreScore returns Skip
//	probe/error=POINT   the point returns an Error of the policy's own
//	probe/refuse=POINT  the point refuses the pod, in a way that preemption may cure
//	probe/only=NODE     PreFilter restricts the pod to that node
//	probe/offset=N      is added to each score
//
// A node's score is its label "score", or the one that the config names: {"scoreLabel": K}.
// NormalizeScore scales the highest to 100 unless the config says {"raw": true}.
package main

import (
	"strconv"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
)

type policy struct {
	raw        bool
	scoreLabel string
	maxPods    int
	needs      string
	offset     int64
}

func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	p.raw, p.scoreLabel = c.Bool("raw", false), c.String("scoreLabel", "score")
	return c.Err()
}

func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	p.maxPods = number(pod, "probe/max-pods", 1<<30)
	p.offset = int64(number(pod, "probe/offset", 0))
	p.needs, _ = pod.Label("probe/needs")
}

func number(pod *stowage.Pod, key string, otherwise int) int {
	text, _ := pod.Label(key)
	if n, err := strconv.Atoi(strings.TrimPrefix(text, "minus-")); err == nil {
		if strings.HasPrefix(text, "minus-") {
			return -n
		}
		return n
	}
	return otherwise
}

// act does what the pod asks for at the point.
func act(pod *stowage.Pod, point string) stowage.Status {
	if at, _ := pod.Label("probe/panic"); at == point {
		panic("the pod asked for a panic in " + point)
	}
	if at, _ := pod.Label("probe/skip"); at == point {
		return stowage.Skip()
	}
	if at, _ := pod.Label("probe/refuse"); at == point {
		return stowage.Unschedulable("the pod asked to be refused in " + point)
	}
	if at, _ := pod.Label("probe/error"); at == point {
		return stowage.Error("the pod asked for an error in " + point)
	}
	return stowage.Success()
}

func (p *policy) PreFilter(c *stowage.Cycle, pod *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	var r stowage.PreFilterResult
	r.State = []byte(pod.Name())
	if only, ok := pod.Label("probe/only"); ok {
		r.Subset = &stowage.Subset{}
		for node := range c.Nodes() {
			if node.Name() == only {
				r.Subset.Add(node)
			}
		}
	}
	return r, act(pod, "prefilter")
}

func (p *policy) Filter(c *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) stowage.Status {
	if s := act(pod, "filter"); !s.IsSuccess() {
		return s
	}
	if string(c.State()) != pod.Name() {
		return stowage.Error("state " + string(c.State()) + " is not this pod's")
	}
	if node.PodCount() >= p.maxPods {
		return stowage.Unschedulable("too many pods")
	}
	if p.needs != "" {
		if _, ok := node.Label(p.needs); !ok {
			return stowage.UnschedulableAndUnresolvable(node.Name() + " lacks " + p.needs)
		}
	}
	return stowage.Success()
}

func (p *policy) PreScore(_ *stowage.Cycle, pod *stowage.Pod, _ stowage.Nodes) stowage.Status {
	return act(pod, "prescore")
}

func (p *policy) Score(_ *stowage.Cycle, pod *stowage.Pod, node *stowage.Node) (int64, stowage.Status) {
	text, _ := node.Label(p.scoreLabel)
	n, _ := strconv.ParseInt(text, 10, 64)
	return n + p.offset, act(pod, "score")
}

func (p *policy) NormalizeScore(_ *stowage.Cycle, pod *stowage.Pod, nodes stowage.Nodes, scores []int64) stowage.Status {
	if s := act(pod, "normalize"); p.raw || !s.IsSuccess() {
		return s
	}
	var top int64
	for i, node := range nodes.All() {
		if node.Name() == "" {
			return stowage.Error("a node without a name")
		}
		top = max(top, scores[i])
	}
	for i := range scores {
		if top > 0 {
			scores[i] = scores[i] * stowage.MaxScore / top
		}
	}
	return stowage.Success()
}

func init() {
	stowage.Register(&policy{}, stowage.ReadNodeTable|stowage.ReadNodeLabels|stowage.ReadPodLabels)
}

func main() {}
