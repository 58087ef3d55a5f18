// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// driver turns the host's batches into the policy's calls per node. Everything a call needs is
// in it, so that calls allocate nothing.
type driver struct {
	view        view
	cycle       Cycle
	pod, other  Pod
	node        Node
	event       ClusterEvent
	object      Object
	group       PodGroup
	reasons     reasons
	last        Status
	lastVerdict abi.Verdict

	// cycleID and epoch are those of the last call; started says that there was one.
	cycleID, epoch uint64
	started        bool

	points abi.Points
	needs  Needs
	plugins
}

// Points by what they are about, each with its file.
const (
	nodePoints  = abi.PointPreFilter | abi.PointFilter | abi.PointPreScore | abi.PointScore | abi.PointNormalizeScore
	evictPoints = abi.PointPodChanges | abi.PointPostFilter | abi.PointRankVictims
	queuePoints = abi.PointPreEnqueue | abi.PointQueueSort | abi.PointSign | abi.PointQueueingHint
	bindPoints  = abi.PointReserve | abi.PointPermit | abi.PointPreBindPreFlight | abi.PointPreBind | abi.PointBind | abi.PointPostBind
	groupPoints = abi.PointGeneratePlacements | abi.PointScorePlacement | abi.PointPodGroupPostFilter
	// statePoints may leave a state.
	statePoints = abi.PointPreFilter | abi.PointPodChanges | abi.PointReserve | abi.PointPermit | abi.PointPreBind
)

func newDriver(policy any, reads Reads) *driver {
	d := &driver{}
	d.view.reads = reads | always
	for _, v := range []**view{&d.cycle.v, &d.pod.v, &d.other.v, &d.node.v, &d.event.v, &d.object.v, &d.group.v} {
		*v = &d.view
	}
	d.event.needs = &d.needs
	d.points = d.find(policy)
	d.check(d.points, reads)
	return d
}

// Points the policy answers.
func (d *driver) Points() abi.Points { return d.points }

// Reads is the parts the policy declared.
func (d *driver) Reads() abi.Parts { return abi.Parts(d.view.reads &^ always) }

// Configure hands the configuration to the policy, and asks what it needs.
func (d *driver) Configure(c *hook.Call) abi.Code {
	c.Clear()
	if c.Text = d.configure(c.Config); c.Text != "" {
		return abi.Error
	}
	if d.declarer != nil {
		d.needs = d.declarer.Needs().clone()
	}
	return abi.Success
}

// configure returns what is wrong with the configuration.
func (d *driver) configure(config []byte) string {
	if d.configurer == nil {
		if s := string(config); s != "" && s != "{}" && s != "null" {
			return "this policy takes no configuration"
		}
		return ""
	}
	err := d.configurer.Configure(config)
	if err == nil {
		return ""
	}
	if text := err.Error(); text != "" {
		return text
	}
	return "the policy refuses the configuration and does not say why"
}

// Run serves one extension point.
func (d *driver) Run(p abi.Points, c *hook.Call) abi.Code {
	c.Clear()
	d.begin(p, c)
	s := d.serve(p&d.points, c)
	c.Text = s.reason
	if c.NewState == nil {
		c.NewState = d.cycle.newState
	}
	return abi.Code(s.code)
}

func (d *driver) serve(p abi.Points, c *hook.Call) Status {
	switch {
	case p&nodePoints != 0:
		return d.serveNodes(p, c)
	case p&queuePoints != 0:
		return d.serveQueue(p, c)
	case p&bindPoints != 0:
		return d.serveBinding(p, c)
	case p&evictPoints != 0:
		return d.serveEviction(p, c)
	case p&groupPoints != 0:
		return d.serveGroup(p, c)
	case p == abi.PointObjects:
		return d.serveObjects(c)
	}
	return Error("this policy does not answer the extension point that was called")
}

// begin points everything at the call's memory and starts a cycle if this one is new.
func (d *driver) begin(p abi.Points, c *hook.Call) {
	d.view.set(c)
	d.pod.rec = (*abi.PodRecord)(c.Pod)
	d.cycle.set(c, p&statePoints != 0)
	fresh := !d.started || c.Cycle != d.cycleID
	if fresh || c.Epoch != d.epoch || c.Scratch != nil || c.Bases[abi.SpaceScratch] != nil {
		d.view.forget()
	}
	if d.epoch = c.Epoch; p&(groupPoints|abi.PointObjects) != 0 {
		return // there is no pod
	}
	d.cycleID, d.started = c.Cycle, true
	if fresh && d.starter != nil {
		d.starter.StartCycle(&d.cycle, &d.pod)
	}
}

// refuse panics if a status has a code that its point must not return.
func refuse(s Status, not Code, point string) Status {
	if s.code == not {
		panic("stowage: " + point + " must not return " + not.String())
	}
	return s
}
