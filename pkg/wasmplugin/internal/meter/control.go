// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"

// control is a block that is open.
type control struct {
	op wasm.Op
	// before is the segment in which the block started.
	before int32
	// base is the height of the stack below the block's parameters.
	base            int
	params, results int
	// targeted says that something branches to its end, escaped that something branches or
	// returns past it.
	targeted, escaped bool
	// dead says that the block starts where control never is, ended that it can be left through
	// its end, calls that it calls a function.
	dead, ended, calls bool
	// header is the segment of a loop's header.
	header int32
}

func (a *analyzer) block() {
	c := control{op: a.in.Op, before: a.current, dead: a.dead}
	switch t := a.in.Block; {
	case t.Indexed && int(t.Index) >= len(a.types):
		a.r.Fail(a.in.Start, "%s has the type %d, which does not exist", a.in.Op, t.Index)
		return
	case t.Indexed:
		c.params, c.results = len(a.types[t.Index].Params), len(a.types[t.Index].Results)
	case t.Result != 0:
		c.results = 1
	}
	c.base = a.height - c.params
	a.open = append(a.open, c)
	if a.dead || a.in.Op == wasm.OpBlock {
		return
	}
	if a.in.Op == wasm.OpIf {
		a.after(a.current)
		return
	}
	a.loop()
}

// loop starts a header. If the function comes straight from its entry, the header checks for both.
func (a *analyzer) loop() {
	straight := a.current == 0 && a.b.calls == 0 && a.b.loops == 0
	a.b.loops++
	a.keep(a.height)
	a.join(a.open[len(a.open)-1].params)
	// The weight of the loop instruction itself is of each turn.
	a.segments[a.first+int(a.current)].weight -= weight(wasm.OpLoop)
	a.start(header, a.in.End)
	a.segments[a.first+int(a.current)].weight = weight(wasm.OpLoop)
	a.open[len(a.open)-1].header = a.current
	if straight {
		a.b.straight = a.current
		a.segments[a.first].checked = false
	}
}

func (a *analyzer) otherwise() {
	c := &a.open[len(a.open)-1]
	if c.op != wasm.OpIf {
		a.r.Fail(a.in.Start, "else without if")
		return
	}
	c.op = wasm.OpElse
	c.ended = c.ended || !a.dead
	a.drop(c.base)
	a.dead, a.height = c.dead, c.base+c.params
	if !a.dead {
		a.after(c.before)
	}
}

// close ends a block. What follows belongs to the segment before the block if all ways out of the
// block lead here, and is conditional if some do not.
func (a *analyzer) close() {
	c := a.open[len(a.open)-1]
	a.open = a.open[:len(a.open)-1]
	a.drop(c.base)
	a.height = c.base + c.results
	if len(a.open) == 0 {
		return
	}
	a.join(c.results)
	up := &a.open[len(a.open)-1]
	up.calls = up.calls || c.calls
	if c.op == wasm.OpLoop && !c.dead {
		a.segments[a.first+int(c.header)].callFree = !c.calls
	}
	straight := !a.dead && !c.targeted && c.op == wasm.OpBlock
	a.dead = c.dead || a.dead && !c.targeted && !c.ended && c.op != wasm.OpIf
	switch {
	case a.dead || straight:
	case !c.escaped:
		a.current = c.before
	default:
		a.after(c.before)
	}
}

// branch records that control goes to the label of a block.
func (a *analyzer) branch(label uint32) {
	if int(label) >= len(a.open) {
		a.r.Fail(a.in.Start, "%s to the label %d of %d", a.in.Op, label, len(a.open))
		return
	}
	if a.dead {
		return
	}
	target := len(a.open) - 1 - int(label)
	a.open[target].targeted = a.open[target].targeted || a.open[target].op != wasm.OpLoop
	for i := target + 1; i < len(a.open); i++ {
		a.open[i].escaped = true
	}
}

// split ends a segment at a branch, after which control may or may not go on.
func (a *analyzer) split(goesOn bool) {
	if a.dead {
		return
	}
	if a.dead = !goesOn; goesOn {
		a.after(a.current)
	}
}
