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
	pod         Pod
	node        Node
	reasons     reasons
	last        Status
	lastVerdict abi.Verdict

	// cycleID and epoch are those of the last call; started says that there was one.
	cycleID, epoch uint64
	started        bool

	points      abi.Points
	configurer  Configurer
	starter     CycleStarter
	prefilterer PreFilterPlugin
	filterer    FilterPlugin
	prescorer   PreScorePlugin
	scorer      ScorePlugin
	normalizer  NormalizeScorePlugin
}

func newDriver(policy any, reads Reads) *driver {
	d := &driver{}
	d.view.reads = reads | always
	d.cycle.v, d.pod.v, d.node.v = &d.view, &d.view, &d.view
	d.configurer, _ = policy.(Configurer)
	d.starter, _ = policy.(CycleStarter)
	d.prefilterer, _ = policy.(PreFilterPlugin)
	d.filterer, _ = policy.(FilterPlugin)
	d.prescorer, _ = policy.(PreScorePlugin)
	d.scorer, _ = policy.(ScorePlugin)
	d.normalizer, _ = policy.(NormalizeScorePlugin)
	d.points = d.implemented()
	if d.points == 0 {
		panic("stowage: Register: the policy implements no extension point; compare its methods with stowage.FilterPlugin and its like")
	}
	if d.normalizer != nil && d.scorer == nil {
		panic("stowage: Register: the policy has NormalizeScore but no Score")
	}
	return d
}

func (d *driver) implemented() abi.Points {
	var points abi.Points
	for point, has := range map[abi.Points]bool{
		abi.PointPreFilter:      d.prefilterer != nil,
		abi.PointFilter:         d.filterer != nil,
		abi.PointPreScore:       d.prescorer != nil,
		abi.PointScore:          d.scorer != nil,
		abi.PointNormalizeScore: d.normalizer != nil,
	} {
		if has {
			points |= point
		}
	}
	return points
}

// Points the policy answers.
func (d *driver) Points() abi.Points { return d.points }

// Reads is the parts the policy declared.
func (d *driver) Reads() abi.Parts { return abi.Parts(d.view.reads &^ always) }

// Configure hands the configuration to the policy.
func (d *driver) Configure(c *hook.Call) abi.Code {
	c.Clear()
	if d.configurer == nil {
		if s := string(c.Config); s != "" && s != "{}" && s != "null" {
			c.Text = "this policy takes no configuration"
			return abi.Error
		}
		return abi.Success
	}
	if err := d.configurer.Configure(c.Config); err != nil {
		c.Text = err.Error()
		return abi.Error
	}
	return abi.Success
}

// Run serves one extension point.
func (d *driver) Run(p abi.Points, c *hook.Call) abi.Code {
	c.Clear()
	d.begin(c)
	var s Status
	switch p & d.points {
	case abi.PointPreFilter:
		s = d.preFilter(c)
	case abi.PointFilter:
		d.filter(c)
	case abi.PointPreScore:
		s = d.prescorer.PreScore(&d.cycle, &d.pod, Nodes{&d.view, c.Slots})
	case abi.PointScore:
		s = noSkip(d.score(c), "Score")
	case abi.PointNormalizeScore:
		s = noSkip(d.normalizer.NormalizeScore(&d.cycle, &d.pod, Nodes{&d.view, c.Slots}, c.Scores), "NormalizeScore")
	default:
		s = Error("this policy does not answer the extension point that was called")
	}
	c.Text = s.reason
	return abi.Code(s.code)
}

// begin points everything at the call's memory and starts a cycle if this one is new.
func (d *driver) begin(c *hook.Call) {
	d.view.set(c)
	d.pod.rec = (*abi.PodRecord)(c.Pod)
	d.cycle.state, d.cycle.count = c.State, c.NodeCount
	fresh := !d.started || c.Cycle != d.cycleID
	if fresh || c.Epoch != d.epoch || c.Scratch != nil {
		d.view.forget()
	}
	d.cycleID, d.epoch, d.started = c.Cycle, c.Epoch, true
	if fresh && d.starter != nil {
		d.starter.StartCycle(&d.cycle, &d.pod)
	}
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
		d.last = noSkip(s, "Filter")
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

func noSkip(s Status, point string) Status {
	if s.code == CodeSkip {
		panic("stowage: " + point + " returned Skip, which only PreFilter and PreScore may")
	}
	return s
}
