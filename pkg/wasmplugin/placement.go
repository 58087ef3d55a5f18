// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// generatePlacementsPoints answers PlacementGenerate, in the scheduling goroutine.
type generatePlacementsPoints struct{ policy *policy }

// scorePlacementPoints answers PlacementScore, for many placements at once.
type scorePlacementPoints struct{ policy *policy }

var (
	_ fwk.PlacementGeneratePlugin = struct {
		common
		generatePlacementsPoints
	}{}
	_ fwk.PlacementScorePlugin = struct {
		common
		scorePlacementPoints
	}{}
)

// GeneratePlacements asks the policy for the sets of nodes, all of the parent's, on which the group
// may be placed as a whole. Without any the group is not placed.
func (gp generatePlacementsPoints) GeneratePlacements(ctx context.Context, state fwk.PodGroupCycleState, group fwk.PodGroupInfo, parent *fwk.Placement) (*fwk.GeneratePlacementsResult, *fwk.Status) {
	p, pods := gp.policy, group.GetUnscheduledPods()
	if len(pods) == 0 {
		return undivided(parent), nil
	}
	nodes, err := p.handle.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		return nil, failed(err)
	}
	a := p.begin(generatePlacementsPoint, groupState{nested: state.GetParentPlacementCycleState() != nil}, pods[0], nodes)
	if !a.answers(abi.PointGeneratePlacements) {
		return undivided(parent), nil
	}
	placements, verdict, err := p.generate(ctx, a, group, pods, parent.Nodes)
	switch status := p.generated(&verdict, err); {
	case !status.IsSuccess():
		return nil, status
	case err != nil:
		return undivided(parent), nil
	}
	if len(placements) == 0 {
		p.noteRejection(a)
	}
	return &fwk.GeneratePlacementsResult{Placements: placements}, nil
}

// undivided is what the framework does without a generator: all nodes are one placement.
func undivided(parent *fwk.Placement) *fwk.GeneratePlacementsResult {
	return &fwk.GeneratePlacementsResult{Placements: []*fwk.Placement{parent}}
}

func (p *policy) generated(verdict *guest.Verdict, err error) *fwk.Status {
	if err != nil {
		return p.faulted(generatePlacementsPoint, err)
	}
	return p.decided(verdict)
}

// groupState tells begin what it needs to know of a group's cycle. It keeps nothing: each time that
// placements are generated is an attempt of its own, because pods are tried out in between.
type groupState struct {
	fwk.CycleState // nil: begin uses only the methods below
	// nested is set for a part of a bigger group, other parts of which may be on the nodes just to
	// try it out. For the whole group nothing has been tried yet, or all of it taken back.
	nested bool
}

func (groupState) Read(fwk.StateKey) (fwk.StateData, error) { return nil, fwk.ErrNotFound }
func (groupState) Write(fwk.StateKey, fwk.StateData)        {}
func (s groupState) IsPodGroupSchedulingCycle() bool        { return s.nested }

// generate asks for placements of the nodes.
func (p *policy) generate(ctx context.Context, a *attempt, group fwk.PodGroupInfo, pods []*v1.Pod, nodes []fwk.NodeInfo) (out []*fwk.Placement, verdict guest.Verdict, err error) {
	if err := a.failure(); err != nil {
		return nil, verdict, err
	}
	b := p.batchOf(a, nodes)
	at := p.addGroup(b.scratchpad(), group, pods)
	about := b.guest()
	about.Group = at
	err = p.with(ctx, generatePlacementsPoint, a, func(ctx context.Context, g *guest.Guest) error {
		answer, err := g.Ask(ctx, guest.GeneratePlacements, about)
		if err != nil {
			return err
		}
		verdict = answer.Verdict
		out, err = placementsOf(answer.Placements, about.Slots, nodes)
		return err
	})
	return out, verdict, err
}

// ScorePlacement asks the policy how good a placement is, from MinScore to MaxScore.
func (sp scorePlacementPoints) ScorePlacement(ctx context.Context, state fwk.PlacementCycleState, group fwk.PodGroupInfo, placement *fwk.PodGroupAssignments) (int64, *fwk.Status) {
	p := sp.policy
	if len(placement.ProposedAssignments) == 0 {
		return 0, nil
	}
	a := p.comparison(state.GetPodGroupSchedulingCycle(), group, placement)
	if !a.answers(abi.PointScorePlacement) {
		return 0, nil
	}
	score, verdict, err := p.scorePlacement(ctx, a, group, placement.ProposedAssignments)
	if err != nil {
		return 0, p.faulted(scorePlacementPoint, err)
	}
	return score, p.decided(&verdict)
}

// PlacementScoreExtensions is nil: policies do not normalize scores of placements.
func (scorePlacementPoints) PlacementScoreExtensions() fwk.PlacementScoreExtensions { return nil }

// comparison is the attempt in which all placements of the group are scored: they share its time, and
// its failure, so that one that breaks the policy does not fare worse than those not scored yet.
func (p *policy) comparison(cycle fwk.PodGroupCycleState, group fwk.PodGroupInfo, placement *fwk.PodGroupAssignments) *attempt {
	key := fwk.StateKey("stowage/comparison/" + p.id + "/" + group.GetKey())
	p.comparing.Lock()
	defer p.comparing.Unlock()
	if data, err := cycle.Read(key); err == nil {
		return data.(*attempt)
	}
	// What the store shows may be of an earlier cycle, and cannot be followed beside other workers:
	// guests see only what is encoded for the call.
	a := p.brief(scorePlacementPoint, subjectOf(group, placement), forCycle, p.deadline)
	a.over, a.end = context.WithCancel(context.Background())
	a.cycle.Done = a.over.Done()
	cycle.Write(key, a)
	return a
}

// forCycle is the pool whose guests may be many at a time.
func forCycle(l *loaded) *guest.Pool { return l.pool }

// subjectOf is the group's first pod, whatever placement is scored first.
func subjectOf(group fwk.PodGroupInfo, placement *fwk.PodGroupAssignments) *v1.Pod {
	if pods := group.GetUnscheduledPods(); len(pods) > 0 {
		return pods[0]
	}
	return placement.ProposedAssignments[0].GetPod()
}

func (p *policy) scorePlacement(ctx context.Context, a *attempt, group fwk.PodGroupInfo, assignments []fwk.ProposedAssignment) (score int64, verdict guest.Verdict, err error) {
	if err := a.failure(); err != nil {
		return 0, verdict, err
	}
	about, err := p.assigned(a, group, assignments)
	if err != nil {
		return 0, verdict, err
	}
	err = p.with(ctx, scorePlacementPoint, a, func(ctx context.Context, g *guest.Guest) (err error) {
		score, verdict, err = g.ScorePlacement(ctx, about)
		return err
	})
	return score, verdict, err
}

// assigned is the group of the assigned pods, and the node of each.
func (p *policy) assigned(a *attempt, group fwk.PodGroupInfo, assignments []fwk.ProposedAssignment) (about guest.Batch, err error) {
	s := snapshot.NewDetached(p.store, a.reads())
	lister, slots := p.handle.SnapshotSharedLister().NodeInfos(), map[string]uint32{}
	pods := make([]*v1.Pod, len(assignments))
	for i, assignment := range assignments {
		name := assignment.GetNodeName()
		slot, seen := slots[name]
		if !seen {
			info, err := lister.Get(name)
			if err != nil {
				return about, fmt.Errorf("looking at a node of a placement: %w", err)
			}
			slot = s.Add(info)
			slots[name] = slot
		}
		pods[i], about.Slots = assignment.GetPod(), append(about.Slots, slot)
	}
	about.Group = p.addGroup(s, group, pods)
	about.ScratchTable, about.ScratchData = s.Table(), s.Data()
	return about, nil
}
