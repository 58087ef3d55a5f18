// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"

// control checks instructions that open, end or leave blocks.
func (c *code) control() {
	switch c.in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		c.open()
	case wasm.OpElse:
		c.otherwise()
	case wasm.OpEnd:
		c.end()
	case wasm.OpBrIf:
		c.branch(c.in.Index)
		c.work.endBlock(2)
	case wasm.OpBr:
		c.branch(c.in.Index)
		c.leave(1)
	case wasm.OpBrTable:
		c.branchTable()
	case wasm.OpReturn:
		c.branch(uint32(len(c.frames) - 1))
		c.leave(1)
	case wasm.OpUnreachable:
		c.leave(1)
	}
}

func (c *code) open() {
	f := frame{op: c.in.Op, known: unreached, start: c.work.known}
	switch {
	case c.in.Block.Indexed:
		if !within(c.r, c.in.Start, "type", c.in.Block.Index, len(c.types)) {
			return
		}
		t := c.types[c.in.Block.Index]
		f.params, f.results = len(t.Params), len(t.Results)
	case c.in.Block.Result != 0:
		f.results = 1
	}
	if err := atMost("nested blocks", len(c.frames)+1, c.limits.Nesting); err != nil {
		c.r.Fail(c.in.Start, "%v", err)
		return
	}
	c.pop(f.params)
	f.base = c.height
	c.frames = append(c.frames, f)
	c.push(f.params)
	c.work.moved += f.params + f.results
	if c.in.Op != wasm.OpBlock {
		c.work.endBlock(2)
	}
}

func (c *code) otherwise() {
	f := c.top()
	if f.op != wasm.OpIf {
		c.r.Fail(c.in.Start, "else without if")
		return
	}
	f.op = wasm.OpElse
	c.height = f.base
	c.push(f.params)
	c.work.endBlock(1)
	f.known, c.work.known = min(f.known, c.work.known), f.start
}

func (c *code) end() {
	f := *c.top()
	c.frames = c.frames[:len(c.frames)-1]
	c.work.endBlock(1)
	c.work.known = min(c.work.known, f.known)
	if f.op == wasm.OpIf {
		c.work.known = min(c.work.known, f.start)
	}
	if len(c.frames) > 0 {
		c.height = f.base
		c.push(f.results)
	}
}

// branch checks a label and counts what a branch to it takes along.
func (c *code) branch(label uint32) {
	if !within(c.r, c.in.Start, "label", label, len(c.frames)) {
		return
	}
	f := &c.frames[len(c.frames)-1-int(label)]
	c.work.moved += f.arity()
	if f.op != wasm.OpLoop {
		f.known = min(f.known, c.work.known)
	}
}

func (c *code) branchTable() {
	if err := atMost("targets of a br_table", len(c.in.Labels), c.limits.BranchTargets); err != nil {
		c.r.Fail(c.in.Start, "%v", err)
		return
	}
	for _, label := range c.in.Labels {
		c.branch(label)
	}
	c.leave(len(c.in.Labels))
}

// leave is the end of a block after which nothing is reached but by branches.
func (c *code) leave(ways int) {
	c.work.endBlock(ways)
	c.work.known = unreached
	c.height = c.top().base
}

func (c *code) call() {
	var t wasm.FuncType
	if c.in.Op == wasm.OpCall {
		if !within(c.r, c.in.Start, "function", c.in.Index, len(c.funcs)) {
			return
		}
		t = c.funcType(c.in.Index)
	} else {
		if !within(c.r, c.in.Start, "type", c.in.Index, len(c.types)) || !within(c.r, c.in.Start, "table", c.in.Index2, len(c.tables)) {
			return
		}
		t = c.types[c.in.Index]
		c.work.trap(false)
	}
	c.pop(len(t.Params))
	c.push(len(t.Results))
	c.work.moved += len(t.Params) + len(t.Results)
	c.work.calls++
}
