// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Command preempt is a policy whose victims the pod's annotations choose, for tests of the host.
//
//	preempt/victims=UIDS  PostFilter names the victims, which commas separate
//	preempt/node=NODE     PostFilter nominates the node, if evicting pods can help there
//	preempt/nothing=      PostFilter claims success without a node and victims
//	preempt/panic=POINT   the policy panics in "postfilter" or "rank"
//	preempt/say=TEXT      PostFilter refuses the pod for ever, with that reason
//
// Without any PostFilter leaves the pod to the host's search, for which a pod on a node that has the
// label "rank" has that rank, and others the higher one the lower their priority is.
//
// Of the pods with the pod's label "app" at most "limit" fit in a zone: the label of that name of the
// pod. There are zones a to d. A group's label "victims" has its victims, with dots between.
package main

import (
	"strconv"
	"strings"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

// counts is how many pods there are in each zone.
type counts struct{ zones [4]int32 }

type policy struct {
	app   string
	limit int32
}

func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	p.app, _ = pod.Label("app")
	text, _ := pod.Label("limit")
	n, err := strconv.Atoi(text)
	if err != nil {
		n = 1 << 30
	}
	p.limit = int32(n)
}

func (p *policy) PreFilter(c *stowage.Cycle, _ *stowage.Pod) (r stowage.PreFilterResult, s stowage.Status) {
	var all counts
	for node := range c.Nodes() {
		for other := range node.Pods() {
			if app, _ := other.Label("app"); app == p.app && p.app != "" {
				all.zones[zone(node)]++
			}
		}
	}
	c.SetState(stowage.EncodeState(&all))
	return r, s
}

func zone(n *stowage.Node) int {
	if z := n.Zone(); z != "" {
		return int(z[0]-'a') % 4
	}
	return 0
}

func (p *policy) AddPod(c *stowage.Cycle, _, other *stowage.Pod, node *stowage.Node) ([]byte, stowage.Status) {
	return p.change(c, other, node, 1), stowage.Status{}
}

func (p *policy) RemovePod(c *stowage.Cycle, _, other *stowage.Pod, node *stowage.Node) ([]byte, stowage.Status) {
	return p.change(c, other, node, -1), stowage.Status{}
}

func (p *policy) change(c *stowage.Cycle, other *stowage.Pod, node *stowage.Node, by int32) []byte {
	now, ok := stowage.StateOf[counts](c)
	if app, _ := other.Label("app"); !ok || app != p.app || p.app == "" {
		return nil
	}
	next := *now
	next.zones[zone(node)] += by
	return stowage.EncodeState(&next)
}

func (p *policy) Filter(c *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.Status {
	now, ok := stowage.StateOf[counts](c)
	if !ok {
		return stowage.Error("no state")
	}
	if now.zones[zone(node)] >= p.limit {
		return stowage.Unschedulable("too many pods of the app in the zone")
	}
	return stowage.Status{}
}

func (p *policy) PostFilter(_ *stowage.Cycle, pod *stowage.Pod, nodes stowage.Nodes) (r stowage.PostFilterResult, s stowage.Status) {
	if at, _ := pod.Annotation("preempt/panic"); at == "postfilter" {
		panic("as told")
	}
	if why, ok := pod.Annotation("preempt/say"); ok {
		return r, stowage.UnschedulableAndUnresolvable(why)
	}
	victims, named := pod.Annotation("preempt/victims")
	if named {
		r.Victims = strings.Split(victims, ",")
	}
	where, nominates := pod.Annotation("preempt/node")
	for _, node := range nodes.All() {
		if node.Name() == where {
			r.Nominate(node)
		}
	}
	if _, nothing := pod.Annotation("preempt/nothing"); !named && !nominates && !nothing {
		return r, stowage.Unschedulable("no idea")
	}
	return r, s
}

func (p *policy) RankVictim(_ *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node, candidate stowage.PodOnNode) stowage.VictimRank {
	if at, _ := pod.Annotation("preempt/panic"); at == "rank" {
		panic("as told")
	}
	if text, ok := candidate.Label("rank"); ok {
		n, _ := strconv.ParseUint(text, 10, 32)
		return stowage.VictimRank(n)
	}
	return stowage.VictimRank(1<<31 - int64(candidate.Priority()))
}

func (p *policy) PodGroupPostFilter(g *stowage.PodGroup, _ stowage.Nodes) (r stowage.PodGroupPostFilterResult, s stowage.Status) {
	victims, ok := g.Label("victims")
	if !ok {
		return r, stowage.Unschedulable("no idea")
	}
	r.Victims = strings.Split(victims, ".")
	return r, s
}

func init() {
	stowage.Register(&policy{}, stowage.ReadNodePods|stowage.ReadNodeTable|stowage.ReadPodLabels|stowage.ReadPodAnnotations)
}

func main() {}
