// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// plugins is what a policy implements; nil where it does not.
type plugins struct {
	configurer Configurer
	declarer   NeedsDeclarer
	starter    CycleStarter
	objects    ObjectsPlugin

	prefilterer PreFilterPlugin
	filterer    FilterPlugin
	prescorer   PreScorePlugin
	scorer      ScorePlugin
	normalizer  NormalizeScorePlugin

	podChanger   PodChangesPlugin
	postfilterer PostFilterPlugin
	ranker       VictimRanker

	preenqueuer PreEnqueuePlugin
	sorter      QueueSortPlugin
	signer      SignPlugin
	hinter      QueueingHintPlugin

	reserver      ReservePlugin
	permitter     PermitPlugin
	preflighter   PreBindPreFlightPlugin
	prebinder     PreBindPlugin
	binder        BindPlugin
	postbinder    PostBindPlugin
	generator     GeneratePlacementsPlugin
	placeScorer   ScorePlacementPlugin
	groupFilterer PodGroupPostFilterPlugin
}

// find looks for the interfaces and returns the points that they are for.
func (p *plugins) find(policy any) (points abi.Points) {
	p.configurer, _ = policy.(Configurer)
	p.declarer, _ = policy.(NeedsDeclarer)
	p.starter, _ = policy.(CycleStarter)
	return has(policy, &p.objects, abi.PointObjects) |
		has(policy, &p.prefilterer, abi.PointPreFilter) |
		has(policy, &p.filterer, abi.PointFilter) |
		has(policy, &p.prescorer, abi.PointPreScore) |
		has(policy, &p.scorer, abi.PointScore) |
		has(policy, &p.normalizer, abi.PointNormalizeScore) |
		has(policy, &p.podChanger, abi.PointPodChanges) |
		has(policy, &p.postfilterer, abi.PointPostFilter) |
		has(policy, &p.ranker, abi.PointRankVictims) |
		has(policy, &p.preenqueuer, abi.PointPreEnqueue) |
		has(policy, &p.sorter, abi.PointQueueSort) |
		has(policy, &p.signer, abi.PointSign) |
		has(policy, &p.hinter, abi.PointQueueingHint) |
		has(policy, &p.reserver, abi.PointReserve) |
		has(policy, &p.permitter, abi.PointPermit) |
		has(policy, &p.preflighter, abi.PointPreBindPreFlight) |
		has(policy, &p.prebinder, abi.PointPreBind) |
		has(policy, &p.binder, abi.PointBind) |
		has(policy, &p.postbinder, abi.PointPostBind) |
		has(policy, &p.generator, abi.PointGeneratePlacements) |
		has(policy, &p.placeScorer, abi.PointScorePlacement) |
		has(policy, &p.groupFilterer, abi.PointPodGroupPostFilter)
}

// has is the point if the policy implements it, which is then in into.
func has[I any](policy any, into *I, point abi.Points) abi.Points {
	var ok bool
	if *into, ok = policy.(I); !ok {
		return 0
	}
	return point
}

// check panics with what is wrong with the policy as a whole.
func (p *plugins) check(points abi.Points, reads Reads) {
	switch {
	case points&^abi.PointObjects == 0:
		panic("stowage: Register: the policy implements no extension point; compare its methods with stowage.FilterPlugin and its like")
	case p.normalizer != nil && p.scorer == nil:
		panic("stowage: Register: the policy has NormalizeScore but no Score")
	case p.ranker != nil && reads&ReadNodePods == 0:
		panic("stowage: Register: the policy has RankVictim: add stowage.ReadNodePods to Register")
	}
}
