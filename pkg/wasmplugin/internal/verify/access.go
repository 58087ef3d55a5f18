// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"

// access checks instructions that name a local, a global, a memory, a table, a function or a segment.
func (c *code) access() {
	in, at := &c.in, c.in.Start
	switch in.Op {
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
		if within(c.r, at, "local", in.Index, c.locals) {
			c.work.use(in.Index)
		}
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		within(c.r, at, "global", in.Index, len(c.globals))
	case wasm.OpRefFunc:
		within(c.r, at, "function", in.Index, len(c.funcs))
	case wasm.OpTableGet, wasm.OpTableSet, wasm.OpTableSize, wasm.OpTableFill, wasm.OpTableGrow, wasm.OpTableCopy, wasm.OpTableInit, wasm.OpElemDrop:
		c.table()
	default:
		c.memoryAccess()
	}
}

func (c *code) table() {
	in, at := &c.in, c.in.Start
	switch in.Op {
	case wasm.OpElemDrop:
		within(c.r, at, "element segment", in.Index, c.elems)
	case wasm.OpTableGrow:
		c.r.Fail(at, "table.grow is refused: a table keeps the size that it is declared with")
	case wasm.OpTableInit:
		c.bulk()
		within(c.r, at, "element segment", in.Index, c.elems)
		within(c.r, at, "table", in.Index2, len(c.tables))
	case wasm.OpTableCopy:
		c.bulk()
		within(c.r, at, "table", in.Index2, len(c.tables))
		within(c.r, at, "table", in.Index, len(c.tables))
	case wasm.OpTableFill:
		c.bulk()
		within(c.r, at, "table", in.Index, len(c.tables))
	default:
		c.work.trap(false)
		within(c.r, at, "table", in.Index, len(c.tables))
	}
}

func (c *code) memoryAccess() {
	in, at := &c.in, c.in.Start
	switch in.Op {
	case wasm.OpMemoryInit, wasm.OpDataDrop:
		if c.dataCount < 0 {
			c.r.Fail(at, "%s without a data count section", in.Op)
			return
		}
		within(c.r, at, "data segment", in.Index, c.dataCount)
	}
	switch in.Op {
	case wasm.OpMemoryInit, wasm.OpMemoryCopy, wasm.OpMemoryFill:
		c.bulk()
		c.needMemory(c.r, at, in.Op.String())
	case wasm.OpMemorySize, wasm.OpMemoryGrow:
		c.work.calls++
		c.needMemory(c.r, at, in.Op.String())
	default:
		if in.Op.IsMemoryAccess() {
			c.work.trap(true)
			c.needMemory(c.r, at, in.Op.String())
		} else if mayTrap(in.Op) {
			c.work.trap(false)
		}
	}
}

// mayTrap says whether an instruction on numbers may trap: divisions and remainders, and
// conversions of floats that do not saturate.
func mayTrap(op wasm.Op) bool {
	return op >= 0x6d && op <= 0x70 || op >= 0x7f && op <= 0x82 || op >= 0xa8 && op <= 0xab || op >= 0xae && op <= 0xb1
}

// bulk counts what a compiler makes of an instruction that checks ranges and loops.
func (c *code) bulk() {
	c.work.ends += 8
	c.work.traps += 2
	c.work.calls++
}
