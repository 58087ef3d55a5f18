// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"context"
	"errors"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/test/native/rules"
)

const stateKey fwk.StateKey = rules.Name

// state is what PreFilter finds out. It is not changed once it is written.
type state struct {
	rules.State
	// zone is that of the node that Reserve was told.
	zone string
}

// Clone shares what does not change.
func (s *state) Clone() fwk.StateData { return s }

// stateOf is nil for a pod that PreFilter had nothing to say about.
func stateOf(cycle fwk.CycleState) *state {
	data, err := cycle.Read(stateKey)
	if err != nil {
		return nil
	}
	return data.(*state)
}

// PreFilter counts the pods of the application, and leaves the pod the nodes of its pool.
func (*Plugin) PreFilter(_ context.Context, cycle fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	p := podOf(pod)
	if p.Free() {
		return nil, fwk.NewStatus(fwk.Skip)
	}
	s, pool := &state{}, sets.New[string]()
	for _, info := range nodes {
		node := info.Node()
		if p.InPool(node.Labels[rules.PoolLabel]) {
			pool.Insert(node.Name)
		}
		for _, other := range info.GetPods() {
			s.Add(p, other.GetPod().Labels[rules.AppLabel], node.Labels[rules.ZoneLabel], 1)
		}
	}
	cycle.Write(stateKey, s)
	switch {
	case p.Pool == "":
		return nil, nil
	case len(pool) == 0:
		return nil, fwk.NewStatus(fwk.UnschedulableAndUnresolvable, aboutPod+rules.ReasonNoPool)
	}
	return &fwk.PreFilterResult{NodeNames: pool}, nil
}

// PreFilterExtensions keeps the counts right in preemption.
func (pl *Plugin) PreFilterExtensions() fwk.PreFilterExtensions { return pl }

// AddPod counts a pod that could be on the node.
func (*Plugin) AddPod(_ context.Context, cycle fwk.CycleState, pod *v1.Pod, other fwk.PodInfo, info fwk.NodeInfo) *fwk.Status {
	change(cycle, pod, other.GetPod(), info.Node(), 1)
	return nil
}

// RemovePod counts a pod that could be gone from the node.
func (*Plugin) RemovePod(_ context.Context, cycle fwk.CycleState, pod *v1.Pod, other fwk.PodInfo, info fwk.NodeInfo) *fwk.Status {
	change(cycle, pod, other.GetPod(), info.Node(), -1)
	return nil
}

func change(cycle fwk.CycleState, pod, other *v1.Pod, node *v1.Node, n int32) {
	s := *stateOf(cycle)
	s.Add(podOf(pod), other.Labels[rules.AppLabel], node.Labels[rules.ZoneLabel], n)
	cycle.Write(stateKey, &s)
}

var errNoPreFilter = errors.New("Filter was called without PreFilter")

// Filter keeps the pod from zones that have enough of its application, and from closed nodes.
func (pl *Plugin) Filter(_ context.Context, cycle fwk.CycleState, _ *v1.Pod, info fwk.NodeInfo) *fwk.Status {
	s := stateOf(cycle)
	if s == nil {
		return fwk.AsStatus(errNoPreFilter)
	}
	v := rules.Filter(pl.limit, &s.State, infoOf(info))
	switch {
	case v.Reason == "":
		return nil
	case v.Final:
		return fwk.NewStatus(fwk.UnschedulableAndUnresolvable, aboutNode+v.Reason)
	}
	return fwk.NewStatus(fwk.Unschedulable, aboutNode+v.Reason)
}

const scoreKey fwk.StateKey = "PreScore/" + rules.Name

// scored is the pod for Score.
type scored struct{ pod *rules.Pod }

// Clone shares what does not change.
func (s scored) Clone() fwk.StateData { return s }

// PreScore reads the pod once for all nodes.
func (*Plugin) PreScore(_ context.Context, cycle fwk.CycleState, pod *v1.Pod, _ []fwk.NodeInfo) *fwk.Status {
	cycle.Write(scoreKey, scored{podOf(pod)})
	return nil
}

// Score prefers one node.
func (*Plugin) Score(_ context.Context, cycle fwk.CycleState, _ *v1.Pod, info fwk.NodeInfo) (int64, *fwk.Status) {
	data, err := cycle.Read(scoreKey)
	if err != nil {
		return 0, fwk.AsStatus(err)
	}
	return rules.Score(data.(scored).pod, infoOf(info)), nil
}

// ScoreExtensions brings scores into their range.
func (pl *Plugin) ScoreExtensions() fwk.ScoreExtensions { return pl }

// NormalizeScore brings scores into their range.
func (*Plugin) NormalizeScore(_ context.Context, _ fwk.CycleState, _ *v1.Pod, list fwk.NodeScoreList) *fwk.Status {
	scores := make([]int64, len(list))
	for i := range list {
		scores[i] = list[i].Score
	}
	rules.Normalize(scores)
	for i := range list {
		list[i].Score = scores[i]
	}
	return nil
}
