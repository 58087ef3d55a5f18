// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile_test

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/conformance/hostile"
)

// outcome is what became of a pod.
type outcome struct {
	placed, waits bool
	// message is what the scheduler would say about the pod.
	message string
	// codes is what each place answered last.
	codes map[string]fwk.Code
}

// attempt is all that a scheduler may ask a plugin about one pod.
type attempt struct {
	*scene
	plugin fwk.Plugin
	where  string
	pod    *v1.Pod
	state  fwk.CycleState
	outcome
}

func (s *scene) attempt(plugin fwk.Plugin, where string) outcome {
	s.Helper()
	a := &attempt{scene: s, plugin: plugin, where: where, pod: pod("pod").Obj(), state: framework.NewCycleState()}
	a.codes = map[string]fwk.Code{}
	hints := a.hints()
	a.sort()
	a.sign()
	a.placed = a.enqueue() && a.schedule() && a.bind()
	if ok := a.placeGroup(); !ok {
		a.placed = false
	}
	for _, hint := range hints {
		a.hint(hint)
	}
	return a.outcome
}

// say notes a status, and tells whether the pod can go on.
func (a *attempt) say(place string, s *fwk.Status) bool {
	a.codes[place] = s.Code()
	switch s.Code() {
	case fwk.Success, fwk.Skip:
		return true
	default:
	}
	if a.message != "" {
		a.message += "; "
	}
	a.message += s.Code().String() + ": " + s.Message()
	return false
}

// sort compares two pods again and again, which must not change.
func (a *attempt) sort() {
	a.Helper()
	p, ok := a.plugin.(fwk.QueueSortPlugin)
	if !ok {
		return
	}
	info := func(name string) *framework.QueuedPodInfo {
		return &framework.QueuedPodInfo{PodInfo: &framework.PodInfo{Pod: pod(name).Obj()}}
	}
	x, y := info("x"), info("y")
	first, second := p.Less(x, y), p.Less(y, x)
	if first && second {
		a.Errorf("each of two pods comes before the other")
	}
	for range 5 {
		if p.Less(x, y) != first || p.Less(y, x) != second {
			a.Errorf("the order of two pods changes")
		}
	}
	if p.Less(x, x) {
		a.Errorf("a pod comes before itself")
	}
}

// sign must come to a signature, or to none.
func (a *attempt) sign() {
	a.Helper()
	p, ok := a.plugin.(fwk.SignPlugin)
	if !ok {
		return
	}
	fragments, s := p.SignPod(a.ctx, a.pod)
	a.codes[hostile.Sign] = s.Code()
	if good := s.IsSuccess() && len(fragments) > 0 || s.Code() == fwk.Unschedulable && len(fragments) == 0; !good {
		a.Errorf("signature %v with status %v", fragments, s)
	}
}

func (a *attempt) enqueue() bool {
	p, ok := a.plugin.(fwk.PreEnqueuePlugin)
	return !ok || a.say(hostile.PreEnqueue, p.PreEnqueue(a.ctx, a.pod))
}

// schedule goes through the points up to scoring.
func (a *attempt) schedule() bool {
	if p, ok := a.plugin.(fwk.PreFilterPlugin); ok {
		result, s := p.PreFilter(a.ctx, a.state, a.pod, a.nodes)
		if !a.say(hostile.PreFilter, s) || !result.AllNodes() && len(result.NodeNames) == 0 || !a.change(p) {
			return false
		}
	}
	feasible, reader := a.filter()
	switch a.codes[hostile.Filter] {
	case fwk.Success, fwk.Skip:
	case fwk.Error:
		return false
	default:
		if len(feasible) == 0 {
			a.postFilter(reader)
			return false
		}
	}
	return len(feasible) > 0 && (len(feasible) < 2 || a.score(feasible))
}

// change tries out what would be if a pod were there, and if one were not.
func (a *attempt) change(p fwk.PreFilterPlugin) bool {
	ext := p.PreFilterExtensions()
	if ext == nil {
		return true
	}
	state := a.state.Clone()
	return a.say(hostile.AddPod, ext.AddPod(a.ctx, state, a.pod, a.running, a.nodes[0])) &&
		a.say(hostile.RemovePod, ext.RemovePod(a.ctx, state, a.pod, a.running, a.nodes[0]))
}

// filter asks about each node. The code that is noted is the worst.
func (a *attempt) filter() (feasible []fwk.NodeInfo, nodes fwk.NodeToStatusReader) {
	p, ok := a.plugin.(fwk.FilterPlugin)
	statuses := framework.NewDefaultNodeToStatus()
	if !ok {
		return a.nodes, statuses
	}
	message, worst := a.message, (*fwk.Status)(nil)
	for _, info := range a.nodes {
		s := p.Filter(a.ctx, a.state, a.pod, info)
		if s.IsSuccess() {
			feasible = append(feasible, info)
			continue
		}
		statuses.Set(info.Node().Name, s)
		if worst = s; s.Code() == fwk.Error {
			break
		}
	}
	a.message = message
	a.say(hostile.Filter, worst)
	return feasible, statuses
}

func (a *attempt) score(feasible []fwk.NodeInfo) bool {
	p, ok := a.plugin.(interface {
		fwk.PreScorePlugin
		fwk.ScorePlugin
	})
	if !ok {
		return true
	}
	if s := p.PreScore(a.ctx, a.state, a.pod, feasible); !a.say(hostile.PreScore, s) || s.IsSkip() {
		return s.IsSkip()
	}
	list := make(fwk.NodeScoreList, len(feasible))
	for i, info := range feasible {
		score, s := p.Score(a.ctx, a.state, a.pod, info)
		if !a.say(hostile.Score, s) {
			return false
		}
		list[i] = fwk.NodeScore{Name: info.Node().Name, Score: score}
	}
	if n := p.ScoreExtensions(); n != nil && !a.say(hostile.NormalizeScore, n.NormalizeScore(a.ctx, a.state, a.pod, list)) {
		return false
	}
	for _, s := range list {
		if s.Score < 0 || s.Score > fwk.MaxScore {
			a.Errorf("score %d of node %s", s.Score, s.Name)
		}
	}
	return true
}

func (a *attempt) postFilter(nodes fwk.NodeToStatusReader) {
	p, ok := a.plugin.(fwk.PostFilterPlugin)
	if !ok {
		return
	}
	_, s := p.PostFilter(a.ctx, a.state, a.pod, nodes)
	a.say(hostile.PostFilter, s)
	a.codes[hostile.RankVictims] = s.Code()
}

// bind goes through the points after a node was chosen. What fails takes back what was reserved.
func (a *attempt) bind() (ok bool) {
	node := a.nodes[0].Node().Name
	if p, has := a.plugin.(fwk.ReservePlugin); has {
		defer func() {
			if !ok && !a.waits {
				p.Unreserve(a.ctx, a.state, a.pod, node)
			}
		}()
		if !a.say(hostile.Reserve, p.Reserve(a.ctx, a.state, a.pod, node)) {
			return false
		}
	}
	return a.permit(node) && a.preBind(node) && a.bindTo(node)
}

func (a *attempt) permit(node string) bool {
	p, ok := a.plugin.(fwk.PermitPlugin)
	if !ok {
		return true
	}
	s, timeout := p.Permit(a.ctx, a.state, a.pod, node)
	if a.waits = s.IsWait(); a.waits && (timeout <= 0 || timeout > 15*time.Minute) {
		a.Errorf("the pod is to wait for %v", timeout)
	}
	return a.say(hostile.Permit, s)
}

func (a *attempt) preBind(node string) bool {
	p, ok := a.plugin.(fwk.PreBindPlugin)
	if !ok {
		return true
	}
	_, s := p.PreBindPreFlight(a.ctx, a.state, a.pod, node)
	if !a.say(hostile.PreBindPreFlight, s) || s.IsSkip() {
		return s.IsSkip()
	}
	return a.say(hostile.PreBind, p.PreBind(a.ctx, a.state, a.pod, node))
}

func (a *attempt) bindTo(node string) bool {
	if p, ok := a.plugin.(fwk.BindPlugin); ok && !a.say(hostile.Bind, p.Bind(a.ctx, a.state, a.pod, node)) {
		return false
	}
	if p, ok := a.plugin.(fwk.PostBindPlugin); ok {
		p.PostBind(a.ctx, a.state, a.pod, node)
	}
	return true
}

// hints is the registered functions.
func (a *attempt) hints() (hints []fwk.QueueingHintFn) {
	a.Helper()
	p, ok := a.plugin.(fwk.EnqueueExtensions)
	if !ok {
		return nil
	}
	events, err := p.EventsToRegister(a.ctx)
	if err != nil {
		a.Error(err)
	}
	for _, e := range events {
		if e.QueueingHintFn != nil && e.Event.Resource == fwk.Node {
			hints = append(hints, e.QueueingHintFn)
		}
	}
	return hints
}

// hint asks about an event and three pods. A policy that breaks down over it keeps no pod back.
func (a *attempt) hint(hint fwk.QueueingHintFn) {
	a.Helper()
	for _, name := range []string{"x", "y", "z"} {
		decision, err := hint(klog.Logger{}, pod(name).Obj(), nil, a.nodes[0].Node())
		if err != nil {
			a.Error(err)
		}
		if a.codes[hostile.QueueingHint] = fwk.Success; decision == fwk.QueueSkip {
			a.codes[hostile.QueueingHint] = fwk.Skip
		}
	}
}

// placeGroup goes through the points of groups, if it is about one of them.
func (a *attempt) placeGroup() bool {
	switch a.where {
	case hostile.GeneratePlacements:
		return a.generate()
	case hostile.ScorePlacement:
		return a.scorePlacement()
	case hostile.PodGroupPostFilter:
		p := a.plugin.(fwk.PodGroupPostFilterPlugin)
		fit := func(context.Context) (*fwk.PodGroupAssignments, *fwk.Status) {
			return nil, fwk.NewStatus(fwk.Unschedulable, "it never fits")
		}
		_, s := p.PodGroupPostFilter(a.ctx, framework.NewCycleState(), a.group, fit)
		return a.say(hostile.PodGroupPostFilter, s)
	}
	return true
}

func (a *attempt) generate() bool {
	p := a.plugin.(fwk.PlacementGeneratePlugin)
	result, s := p.GeneratePlacements(a.ctx, framework.NewCycleState(), a.group, &fwk.Placement{Name: "all", Nodes: a.nodes})
	if !a.say(hostile.GeneratePlacements, s) {
		return false
	}
	for _, placement := range result.Placements {
		if len(placement.Nodes) == 0 || len(placement.Nodes) > len(a.nodes) {
			a.Errorf("placement %q has %d nodes", placement.Name, len(placement.Nodes))
		}
	}
	return len(result.Placements) > 0
}

func (a *attempt) scorePlacement() bool {
	p := a.plugin.(fwk.PlacementScorePlugin)
	state := framework.NewCycleState()
	state.SetPodGroupSchedulingCycle(framework.NewCycleState())
	assignments := &fwk.PodGroupAssignments{Placement: &fwk.Placement{Name: "all", Nodes: a.nodes}}
	for i, pod := range a.group.UnscheduledPods {
		assignments.ProposedAssignments = append(assignments.ProposedAssignments, assignment{pod: pod, node: a.nodes[i].Node().Name})
	}
	score, s := p.ScorePlacement(a.ctx, state, a.group, assignments)
	if score < 0 || score > 100 {
		a.Errorf("score %d of a placement", score)
	}
	return a.say(hostile.ScorePlacement, s)
}

// assignment is a pod with the node that it would be on.
type assignment struct {
	fwk.ProposedAssignment
	pod  *v1.Pod
	node string
}

func (a assignment) GetPod() *v1.Pod     { return a.pod }
func (a assignment) GetNodeName() string { return a.node }
