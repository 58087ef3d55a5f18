// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
)

// Attempt is a scheduling attempt of a pod. Statuses are given as text: "" for a success, or
// "<code>: <reason>", without what the host puts before the policy's reason.
type Attempt struct {
	*Policy
	Pod   *v1.Pod
	State fwk.CycleState
	// Nodes is the scheduler's list.
	Nodes []fwk.NodeInfo
}

// Node is the node of that name in the list.
func (a *Attempt) Node(name string) fwk.NodeInfo {
	a.cluster.tb.Helper()
	for _, info := range a.Nodes {
		if info.Node().Name == name {
			return info
		}
	}
	a.cluster.tb.Fatalf("there is no node %q", name)
	return nil
}

// PreFilter runs the point if the policy has it. Nodes is what the pod is restricted to, in
// order; nil for no restriction.
func (a *Attempt) PreFilter() (nodes []string, status string) {
	p, ok := a.plugin.(fwk.PreFilterPlugin)
	if !ok {
		return nil, ""
	}
	r, s := p.PreFilter(a.cluster.ctx, a.State, a.Pod, a.Nodes)
	if r.AllNodes() {
		return nil, text(s)
	}
	nodes = append([]string{}, r.NodeNames.UnsortedList()...)
	slices.Sort(nodes)
	return nodes, text(s)
}

// Filter runs the point on a node if the policy has it. PreFilter must have come before.
func (a *Attempt) Filter(node fwk.NodeInfo) string {
	p, ok := a.plugin.(fwk.FilterPlugin)
	if !ok {
		return ""
	}
	return text(p.Filter(a.cluster.ctx, a.State, a.Pod, node))
}

// FilterAll runs Filter on each node of the list.
func (a *Attempt) FilterAll() map[string]string {
	got := make(map[string]string, len(a.Nodes))
	for _, info := range a.Nodes {
		got[info.Node().Name] = a.Filter(info)
	}
	return got
}

// Scores runs PreScore, Score on each node and NormalizeScore as far as the policy has them. A
// status that is not a success is preceded by the point's name, and ends the attempt.
func (a *Attempt) Scores(nodes []fwk.NodeInfo) (scores map[string]int64, status string) {
	p, ok := a.plugin.(interface {
		fwk.PreScorePlugin
		fwk.ScorePlugin
	})
	if !ok {
		return nil, ""
	}
	if s := p.PreScore(a.cluster.ctx, a.State, a.Pod, nodes); !s.IsSuccess() {
		return nil, "PreScore: " + text(s)
	}
	list := make(fwk.NodeScoreList, len(nodes))
	for i, info := range nodes {
		score, s := p.Score(a.cluster.ctx, a.State, a.Pod, info)
		if !s.IsSuccess() {
			return nil, "Score: " + text(s)
		}
		list[i] = fwk.NodeScore{Name: info.Node().Name, Score: score}
	}
	if n := p.ScoreExtensions(); n != nil {
		if s := n.NormalizeScore(a.cluster.ctx, a.State, a.Pod, list); !s.IsSuccess() {
			return nil, "NormalizeScore: " + text(s)
		}
	}
	return byName(list), ""
}

func byName(list fwk.NodeScoreList) map[string]int64 {
	scores := make(map[string]int64, len(list))
	for _, s := range list {
		scores[s.Name] = s.Score
	}
	return scores
}

// RawScore runs PreScore on all nodes and then Score on one.
func (a *Attempt) RawScore(node fwk.NodeInfo) (score int64, status string) {
	p := a.plugin.(fwk.ScorePlugin)
	if s := a.plugin.(fwk.PreScorePlugin).PreScore(a.cluster.ctx, a.State, a.Pod, a.Nodes); !s.IsSuccess() {
		return 0, "PreScore: " + text(s)
	}
	score, s := p.Score(a.cluster.ctx, a.State, a.Pod, node)
	return score, text(s)
}

// text is a status as the package says it.
func text(s *fwk.Status) string {
	if s.IsSuccess() {
		return ""
	}
	code, reason := s.Code().String(), s.Message()
	for _, what := range []string{"node(s)", "pod"} {
		if rest, ok := strings.CutPrefix(reason, what+" rejected by "+Name); ok {
			reason = strings.TrimPrefix(rest, ": ")
		}
	}
	if reason == "" {
		return code
	}
	return code + ": " + reason
}
