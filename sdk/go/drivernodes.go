// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

func (d *driver) serveNodes(p abi.Points, c *hook.Call) Status {
	switch p {
	case abi.PointPreFilter:
		return d.preFilter(c)
	case abi.PointFilter:
		d.filter(c)
		return Status{}
	case abi.PointPreScore:
		return d.prescorer.PreScore(&d.cycle, &d.pod, Nodes{&d.view, c.Slots})
	case abi.PointScore:
		return refuse(d.score(c), CodeSkip, "Score")
	}
	return refuse(d.normalizer.NormalizeScore(&d.cycle, &d.pod, Nodes{&d.view, c.Slots}, c.Scores), CodeSkip, "NormalizeScore")
}

func (d *driver) preFilter(c *hook.Call) Status {
	r, s := d.prefilterer.PreFilter(&d.cycle, &d.pod)
	c.NewState = r.State
	if r.Subset != nil {
		c.Restricted, c.Subset = true, r.Subset.slots
	}
	return s
}

func (d *driver) filter(c *hook.Call) {
	d.reasons.reset()
	d.last, d.lastVerdict = Status{}, abi.Verdict(abi.Success)
	slots, verdicts := c.Slots, c.Verdicts
	for len(slots) > 0 {
		i, s := d.filterAlike(slots, verdicts)
		if i == len(slots) {
			break
		}
		d.last = refuse(s, CodeSkip, "Filter")
		d.lastVerdict = abi.MakeVerdict(abi.Code(s.code), d.reasons.number(s.reason))
		verdicts[i] = d.lastVerdict
		slots, verdicts = slots[i+1:], verdicts[i+1:]
	}
	c.Reasons = d.reasons.list
}

// filterAlike goes on for as long as nodes pass, or fail just as the last one that failed. It
// returns how many did, and the status of the one that did not. Being small it is fast: in
// Wasm, Go keeps what lives across a call in memory.
func (d *driver) filterAlike(slots []uint32, verdicts []abi.Verdict) (int, Status) {
	v, f, cycle, pod, node := &d.view, d.filterer, &d.cycle, &d.pod, &d.node
	verdicts = verdicts[:len(slots)]
	for i, slot := range slots {
		node.move(v, slot)
		s := f.Filter(cycle, pod, node)
		if s.code == CodeSuccess {
			verdicts[i] = abi.Verdict(abi.Success)
		} else if s.same(d.last) {
			verdicts[i] = d.lastVerdict
		} else {
			return i, s
		}
	}
	return len(slots), Status{}
}

func (d *driver) score(c *hook.Call) Status {
	v, f, cycle, pod, node := &d.view, d.scorer, &d.cycle, &d.pod, &d.node
	scores := c.Scores[:len(c.Slots)]
	for i, slot := range c.Slots {
		node.move(v, slot)
		n, s := f.Score(cycle, pod, node)
		if s.code != CodeSuccess {
			return s
		}
		scores[i] = n
	}
	return Status{}
}
