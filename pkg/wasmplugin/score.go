// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

var _ fwk.ScoreExtensions = scorePoints{}

// scorePoints answers PreScore, Score and NormalizeScore.
type scorePoints struct{ policy *policy }

// scoring is a policy's scores in one attempt. PreScore makes it; it does not change after.
type scoring struct {
	attempt *attempt
	// nodes is what PreScore was given; the framework lists scores in the same order.
	nodes  []fwk.NodeInfo
	scores scoreTable
}

// Clone shares the scores.
func (s *scoring) Clone() fwk.StateData { return s }

// PreScore scores all nodes at once.
func (sp scorePoints) PreScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	p := sp.policy.in(state, pod)
	status := p.preScore(ctx, state, pod, nodes)
	p.shadow.preScore(ctx, state, pod, nodes, status)
	return status
}

func (p *policy) preScore(ctx context.Context, state fwk.CycleState, pod *v1.Pod, nodes []fwk.NodeInfo) *fwk.Status {
	a, err := p.resume(state, pod)
	if err != nil {
		return p.faulted(preScorePoint, err)
	}
	s := &scoring{attempt: a, nodes: nodes, scores: newScoreTable(p.store.SlotCount())}
	if !a.answers(abi.PointPreScore | abi.PointScore | abi.PointNormalizeScore) {
		return skipped()
	}
	verdict, err := p.scoreAll(ctx, s, nodes)
	if err != nil {
		return p.faulted(preScorePoint, err)
	}
	state.Write(p.scoreKey, s)
	return p.decided(&verdict)
}

// resume continues the attempt that PreFilter began, or begins one if the policy only scores.
func (p *policy) resume(state fwk.CycleState, pod *v1.Pod) (*attempt, error) {
	if data, err := state.Read(p.filterKey); err == nil {
		return data.(*attempt), nil
	}
	nodes, err := p.handle.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		return nil, err
	}
	return p.begin(preScorePoint, state, pod, nodes), nil
}

// batch is the nodes as slots.
func (p *policy) batch(a *attempt, nodes []fwk.NodeInfo) guest.Batch {
	return p.batchOf(a, nodes).guest()
}

// scoreAll runs PreScore and Score on one guest and notes the scores.
func (p *policy) scoreAll(ctx context.Context, s *scoring, nodes []fwk.NodeInfo) (verdict guest.Verdict, err error) {
	if err := s.attempt.failure(); err != nil {
		return verdict, err
	}
	about, batch := s.attempt.module.about, p.batch(s.attempt, nodes)
	err = p.with(ctx, preScorePoint, s.attempt, func(ctx context.Context, g *guest.Guest) (err error) {
		if about.Has(abi.PointPreScore) {
			if verdict, err = g.PreScore(ctx, batch); err != nil || verdict.Code != abi.Success {
				return err
			}
		}
		if !about.Has(abi.PointScore) {
			return nil
		}
		scores := make([]int64, len(batch.Slots))
		if verdict, err = g.Score(ctx, batch, scores); err != nil || verdict.Code != abi.Success {
			return err
		}
		return s.note(batch.Slots, scores)
	})
	return verdict, err
}

// note keeps the scores of nodes that are as in the snapshot; others are scored when asked for.
func (s *scoring) note(slots []uint32, scores []int64) error {
	for i, at := range slots {
		if err := s.attempt.check(scores[i]); err != nil {
			return err
		}
		if at&abi.ScratchSlot == 0 {
			s.scores.set(at, scores[i])
		}
	}
	return nil
}

// check refuses a score that would reach the framework as it is.
func (a *attempt) check(score int64) error {
	if a.module.about.Has(abi.PointNormalizeScore) {
		return nil
	}
	return guest.InRange(abi.ExportScore, score)
}

var errNoPreScore = errors.New("Score was called without PreScore")

// Score returns a node's score. With opportunistic batching the framework may ask for a node
// that was not in PreScore's list.
func (sp scorePoints) Score(ctx context.Context, state fwk.CycleState, pod *v1.Pod, info fwk.NodeInfo) (int64, *fwk.Status) {
	p := sp.policy.in(state, pod)
	data, err := state.Read(p.scoreKey)
	if err != nil {
		return 0, p.faulted(scorePoint, errNoPreScore)
	}
	s := data.(*scoring)
	if position, resident := p.store.Position(info); resident && !s.attempt.simulated {
		if score, ok := s.scores.get(p.store.Slots()[position]); ok {
			return score, nil
		}
	}
	return p.scoreAlone(ctx, s.attempt, info)
}

func (p *policy) scoreAlone(ctx context.Context, a *attempt, info fwk.NodeInfo) (int64, *fwk.Status) {
	if !a.module.about.Has(abi.PointScore) {
		return 0, nil
	}
	var score [1]int64
	var verdict guest.Verdict
	batch := p.batch(a, []fwk.NodeInfo{info})
	err := p.with(ctx, scorePoint, a, func(ctx context.Context, g *guest.Guest) (err error) {
		if verdict, err = g.Score(ctx, batch, score[:]); err != nil || verdict.Code != abi.Success {
			return err
		}
		return a.check(score[0])
	})
	if err != nil {
		return 0, p.faulted(scorePoint, err)
	}
	return score[0], p.decided(&verdict)
}

// ScoreExtensions is nil if the policy does not normalize, which spares the framework the call.
func (sp scorePoints) ScoreExtensions() fwk.ScoreExtensions {
	if sp.policy.mayAnswer(abi.PointNormalizeScore) {
		return sp
	}
	return nil
}
