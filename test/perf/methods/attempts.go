// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package methods

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/test/perf/extender"
)

// methods calls the plugin's methods as the framework does, in one goroutine.
func (b *Bench) methods(p fwk.Plugin) attempt {
	preFilter, filter := p.(fwk.PreFilterPlugin), p.(fwk.FilterPlugin)
	preScore, score := p.(fwk.PreScorePlugin), p.(fwk.ScorePlugin)
	return func(ctx context.Context, pod *v1.Pod, into Decision) error {
		state := framework.NewCycleState()
		if _, status := preFilter.PreFilter(ctx, state, pod, b.nodes); !status.IsSuccess() {
			return status.AsError()
		}
		feasible := make([]fwk.NodeInfo, 0, len(b.nodes))
		for _, info := range b.nodes {
			if status := filter.Filter(ctx, state, pod, info); status.IsSuccess() {
				feasible = append(feasible, info)
			} else if !status.IsRejected() {
				return status.AsError()
			}
		}
		if status := preScore.PreScore(ctx, state, pod, feasible); !status.IsSuccess() {
			return status.AsError()
		}
		for _, info := range feasible {
			n, status := score.Score(ctx, state, pod, info)
			if !status.IsSuccess() {
				return status.AsError()
			}
			if into != nil {
				into[info.Node().Name] = n
			}
		}
		return nil
	}
}

// runtime is methods with the framework's own work around each call; it scores in parallel.
func (b *Bench) runtime(f framework.Framework) attempt {
	return func(ctx context.Context, pod *v1.Pod, into Decision) error {
		state := framework.NewCycleState()
		if _, status, _ := f.RunPreFilterPlugins(ctx, state, pod); !status.IsSuccess() {
			return status.AsError()
		}
		feasible := make([]fwk.NodeInfo, 0, len(b.nodes))
		for _, info := range b.nodes {
			if status := f.RunFilterPlugins(ctx, state, pod, info); status.IsSuccess() {
				feasible = append(feasible, info)
			} else if !status.IsRejected() {
				return status.AsError()
			}
		}
		if status := f.RunPreScorePlugins(ctx, state, pod, feasible); !status.IsSuccess() {
			return status.AsError()
		}
		scores, status := f.RunScorePlugins(ctx, state, pod, feasible)
		if !status.IsSuccess() {
			return status.AsError()
		}
		if into != nil {
			for _, s := range scores {
				into[s.Name] = s.TotalScore
			}
		}
		return nil
	}
}

// addExtender asks an extender with the scheduler's own client for extenders.
func (b *Bench) addExtender(nodes []*v1.Node, running []*v1.Pod) error {
	known := extender.NewCache()
	for _, node := range nodes {
		known.SetNode(node)
	}
	for _, pod := range running {
		known.AddPod(pod)
	}
	config, stop, err := extender.Start(known)
	if err != nil {
		return err
	}
	b.closers = append(b.closers, stop)
	client, err := scheduler.NewHTTPExtender(&config)
	if err != nil {
		return fmt.Errorf("making a client for the extender: %w", err)
	}
	b.add("extender", 8, func(_ context.Context, pod *v1.Pod, into Decision) error {
		feasible, _, _, err := client.Filter(pod, b.nodes)
		if err != nil {
			return err
		}
		scores, _, err := client.Prioritize(pod, feasible)
		if err != nil || into == nil {
			return err
		}
		for _, s := range *scores {
			into[s.Host] = s.Score
		}
		return nil
	})
	return nil
}
