// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// NormalizeScore lets the policy change all scores together.
func (sp scorePoints) NormalizeScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, list fwk.NodeScoreList) *fwk.Status {
	p := sp.policy.in(state, pod)
	data, err := state.Read(p.scoreKey)
	if err != nil {
		return p.faulted(normalizePoint, errNoPreScore)
	}
	s := data.(*scoring)
	if !s.attempt.answers(abi.PointNormalizeScore) {
		return nil // a later generation does
	}
	scores := make([]int64, len(list))
	for i := range list {
		scores[i] = list[i].Score
	}
	verdict, err := p.normalize(ctx, s, list, scores)
	if err != nil {
		// Whatever happens to the error, scores that were to be normalized are out of range.
		clear(scores)
	}
	for i := range list {
		list[i].Score = scores[i]
	}
	if err != nil {
		return p.faulted(normalizePoint, err)
	}
	return p.decided(&verdict)
}

func (p *policy) normalize(ctx context.Context, s *scoring, list fwk.NodeScoreList, scores []int64) (verdict guest.Verdict, err error) {
	if err := s.attempt.failure(); err != nil {
		return verdict, err
	}
	batch := p.named(s, list)
	err = p.with(ctx, normalizePoint, s.attempt, func(ctx context.Context, g *guest.Guest) (err error) {
		if verdict, err = g.Normalize(ctx, batch, scores); err != nil || verdict.Code != abi.Success {
			return err
		}
		for _, score := range scores {
			if err := guest.InRange(abi.ExportNormalizeScore, score); err != nil {
				return err
			}
		}
		return nil
	})
	return verdict, err
}

// named is the listed nodes as slots. Usually they are those of PreScore in the same order; a
// batched attempt lists nodes of earlier ones too, of which only the name is certain.
func (p *policy) named(s *scoring, list fwk.NodeScoreList) guest.Batch {
	if s.lists(list) {
		return p.batch(s.attempt, s.nodes)
	}
	b := p.newBatch(s.attempt, len(list))
	for i := range list {
		if position, ok := p.store.PositionOf(list[i].Name); ok && !s.attempt.simulated {
			b.addAt(position)
		} else {
			b.addName(list[i].Name)
		}
	}
	return b.guest()
}

// lists tells whether the list is of PreScore's nodes in their order.
func (s *scoring) lists(list fwk.NodeScoreList) bool {
	if len(list) != len(s.nodes) {
		return false
	}
	for i, info := range s.nodes {
		if info.Node().Name != list[i].Name {
			return false
		}
	}
	return true
}
