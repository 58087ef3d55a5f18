// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

func (d *driver) serveEviction(p abi.Points, c *hook.Call) Status {
	switch p {
	case abi.PointPodChanges:
		return d.changePods(c)
	case abi.PointPostFilter:
		return d.postFilter(c)
	}
	return d.rankVictims(c)
}

func (d *driver) changePods(c *hook.Call) (s Status) {
	d.other.rec = (*abi.PodRecord)(c.Other)
	d.node.move(&d.view, c.Slots[0])
	if c.Undo {
		c.NewState, s = d.podChanger.RemovePod(&d.cycle, &d.pod, &d.other, &d.node)
		return asError(s)
	}
	c.NewState, s = d.podChanger.AddPod(&d.cycle, &d.pod, &d.other, &d.node)
	return asError(s)
}

// asError is the status of a point that can only fail.
func asError(s Status) Status {
	if s.code != CodeSuccess {
		s.code = CodeError
	}
	return s
}

func (d *driver) postFilter(c *hook.Call) Status {
	r, s := d.postfilterer.PostFilter(&d.cycle, &d.pod, Nodes{&d.view, c.Slots})
	c.Victims = r.Victims
	if r.nominated != nil {
		c.Restricted, c.Subset = true, []uint32{d.view.slot(r.nominated)}
	}
	return refuse(s, CodeSkip, "PostFilter")
}

func (d *driver) rankVictims(c *hook.Call) Status {
	at := c.Ranks
	for _, slot := range c.Slots {
		d.node.move(&d.view, slot)
		if d.node.rec.PodCount != d.node.rec.Pods.Count {
			panic("stowage: the node does not list all its pods")
		}
		for candidate := range d.node.Pods() {
			rank := d.ranker.RankVictim(&d.cycle, &d.pod, &d.node, candidate)
			*(*abi.VictimRank)(at) = abi.VictimRank(rank)
			at = unsafe.Add(at, unsafe.Sizeof(rank))
		}
	}
	return Status{}
}
