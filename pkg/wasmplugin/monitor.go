// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// A monitored policy is asked at the same points as one that is enforced. That it has no effect
// can be read off its methods: whatever the policy decides, PreFilter and Filter return nothing,
// and PreScore returns Skip, so that the framework asks for no scores. What the policy would have
// done goes to metrics and to the log.
type (
	monitoredFilters struct{ policy *policy }
	monitoredScores  struct{ policy *policy }

	monitoredFilterPlugin struct {
		common
		monitoredFilters
	}
	monitoredScorePlugin struct {
		common
		monitoredScores
	}
	monitoredPlugin struct {
		common
		monitoredFilters
		monitoredScores
	}
)

var (
	_ fwk.PreFilterPlugin = &monitoredPlugin{}
	_ fwk.FilterPlugin    = &monitoredPlugin{}
	_ fwk.PreScorePlugin  = &monitoredPlugin{}
	_ fwk.ScorePlugin     = &monitoredPlugin{}
)

func (p *policy) exposeMonitored(points abi.Points) fwk.Plugin {
	c := common{p}
	p.shown.points = filterMask
	switch filters, scores := points&filterMask != 0, points&scoreMask != 0; {
	case filters && scores:
		p.shown.points = filterMask | scoreMask
		return &monitoredPlugin{c, monitoredFilters{p}, monitoredScores{p}}
	case scores:
		p.shown.points = scoreMask
		return &monitoredScorePlugin{c, monitoredScores{p}}
	}
	return &monitoredFilterPlugin{c, monitoredFilters{p}}
}

// Decisions of monitored policies, in metrics and logs.
const (
	wouldReject   = "reject"
	wouldRestrict = "restrict"
	wouldPass     = "pass"
	wouldFail     = "fail"
	wouldPrefer   = "prefer"
	wouldSkip     = "skip"
)

// PreFilter asks the policy and lets the pod pass.
func (m monitoredFilters) PreFilter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	result, status := filterPoints(m).PreFilter(ctx, state, pod, nodes)
	decision := decisionOf(status)
	if decision == wouldPass && !result.AllNodes() {
		decision = wouldRestrict
	}
	m.policy.monitor(preFilterPoint, pod, decision, status.Message())
	return nil, nil
}

// PreFilterExtensions is nil, as it is for a policy that is enforced.
func (m monitoredFilters) PreFilterExtensions() fwk.PreFilterExtensions { return nil }

// Filter asks the policy and lets the node pass.
func (m monitoredFilters) Filter(ctx context.Context, state fwk.CycleState, pod *v1.Pod, info fwk.NodeInfo) *fwk.Status {
	// After a Skip the framework would not have asked the policy about nodes.
	if data, err := state.Read(m.policy.filterKey); err != nil || data.(*attempt).skipped {
		return nil
	}
	status := filterPoints(m).Filter(ctx, state, pod, info)
	m.policy.monitor(filterPoint, pod, decisionOf(status), status.Message())
	return nil
}

// PreScore asks the policy for everything about scores, and has the framework skip it.
func (m monitoredScores) PreScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	best, status := m.best(ctx, state, pod, nodes)
	decision := decisionOf(status)
	if decision == wouldPass {
		decision = wouldPrefer
	}
	m.policy.monitor(preScorePoint, pod, decision, best+status.Message())
	return skipped()
}

// best is the node with the highest score, the first one if there are several.
func (m monitoredScores) best(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (string, *fwk.Status) {
	points := scorePoints(m)
	if status := points.PreScore(ctx, state, pod, nodes); !status.IsSuccess() {
		return "", status
	}
	return favourite(ctx, points, state, pod, nodes)
}

// favourite is best after PreScore.
func favourite(ctx context.Context, points scorePoints, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) (string, *fwk.Status) {
	list := make(fwk.NodeScoreList, len(nodes))
	for i, info := range nodes {
		score, status := points.Score(ctx, state, pod, info)
		if !status.IsSuccess() {
			return "", status
		}
		list[i] = fwk.NodeScore{Name: info.Node().Name, Score: score}
	}
	if ext := points.ScoreExtensions(); ext != nil {
		if status := ext.NormalizeScore(ctx, state, pod, list); !status.IsSuccess() {
			return "", status
		}
	}
	return highest(list), nil
}

func highest(list fwk.NodeScoreList) string {
	var best fwk.NodeScore
	for i, s := range list {
		if i == 0 || s.Score > best.Score {
			best = s
		}
	}
	return best.Name
}

// Score is never called, because PreScore skips it.
func (m monitoredScores) Score(context.Context, fwk.CycleState, *v1.Pod, fwk.NodeInfo) (int64, *fwk.Status) {
	return 0, nil
}

// ScoreExtensions is nil: there is nothing to normalize.
func (m monitoredScores) ScoreExtensions() fwk.ScoreExtensions { return nil }

func decisionOf(s *fwk.Status) string {
	switch {
	case s.IsSuccess():
		return wouldPass
	case s.IsSkip():
		return wouldSkip
	case s.IsRejected():
		return wouldReject
	}
	return wouldFail
}

// monitor makes known what the policy would have done. Detail is a reason, or the preferred node.
func (p *policy) monitor(at *point, pod *v1.Pod, decision, detail string) {
	p.metrics.Monitored(at.name, decision)
	level := 2
	if at == filterPoint {
		// There is a decision for each node.
		level = 4
	}
	if decision != wouldPass && decision != wouldSkip {
		p.logger.V(level).Info("Monitored policy decided", "point", at.name, "pod", klog.KObj(pod), "decision", decision, "detail", detail)
	}
}
