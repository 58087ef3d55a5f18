// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import "slices"

// statements makes some statements, which leave the stack as it is.
func (g *generator) statements(depth int) {
	for range 1 + g.r.IntN(3) {
		if g.budget--; g.budget > 0 {
			g.statement(depth)
		}
	}
}

func (g *generator) statement(depth int) {
	kinds := []func(int){g.setLocal, g.setGlobal, g.store, g.bulk, g.call, g.callIndirect, g.vectorStatement, g.grow}
	if depth > 0 {
		kinds = append(kinds, g.ifElse, g.block, g.while, g.doWhile, g.tightLoop, g.branch, g.branch, g.brTable, g.leave, g.ifElse, g.block, g.while)
	}
	kinds[g.r.IntN(len(kinds))](depth)
}

func (g *generator) setLocal(int) {
	t := numbers[g.r.IntN(4)]
	g.value(t, 3)
	g.with(0x21, g.local(t))
}

func (g *generator) setGlobal(int) {
	i := g.r.IntN(len(numbers))
	g.value(numbers[i], 3)
	g.with(0x24, i)
}

// address makes an address that is nearly always in memory.
func (g *generator) address() {
	g.value(I32, 2)
	if !g.chance(60) {
		g.emit(Const(0xfff)...)
		g.emit(0x71)
	}
}

func (g *generator) store(int) {
	g.address()
	if g.chance(2) {
		g.value(I32, 2)
		g.emit([]byte{0x36, 0x3a, 0x3b}[g.r.IntN(3)], 0)
	} else {
		g.value(I64, 2)
		g.emit([]byte{0x37, 0x3c, 0x3d, 0x3e}[g.r.IntN(4)], 0)
	}
	g.emit(unsigned(uint64(g.r.IntN(500)))...)
}

// bulk fills, copies or initializes a range of memory or of the table.
func (g *generator) bulk(int) {
	for range 3 {
		g.value(I32, 1)
		g.emit(Const(uint32([]int{0xff, 0x3ff, 0x1ffff}[g.r.IntN(30)/29*2]))...)
		g.emit(0x71)
	}
	switch g.r.IntN(4) {
	case 0:
		g.emit(0xfc, 11, 0)
	case 1:
		g.emit(0xfc, 10, 0, 0)
	case 2:
		g.emit(0x1a, 0x1a, 0x1a)
		g.emit(Code(Const(uint32(g.r.IntN(300))), Const(uint32(g.r.IntN(9))), Const(uint32(g.r.IntN(9))), []byte{0xfc, 8, 0, 0})...)
	default:
		g.emit(0x1a, 0x1a, 0x1a)
		g.emit(Code(Const(uint32(len(g.params)+2)), Const(0), Const(uint32(g.r.IntN(2))), []byte{0xfc, 14, 0, 0})...)
	}
}

func (g *generator) grow(int) {
	g.emit(Const([]uint32{0, 1, 1 << 20}[g.r.IntN(3)])...)
	g.emit(Grow()...)
	g.with(0x21, g.local(I32))
}

// call calls a later function, so that there is no recursion, or the host.
func (g *generator) call(int) {
	if later := len(g.params) - 1 - g.index; later > 0 && !g.chance(4) {
		g.finishCall(g.index+1+g.r.IntN(later), func(f int) { g.with(0x10, f+1) })
		return
	}
	g.value(I32, 2)
	g.with(0x10, 0)
	g.with(0x21, g.local(I32))
}

func (g *generator) callIndirect(int) {
	later := len(g.params) - 1 - g.index
	if later == 0 {
		return
	}
	f := g.index + 1 + g.r.IntN(later)
	at := f
	if g.chance(25) {
		at = len(g.params) + g.r.IntN(9) // null, or not in the table
	}
	g.finishCall(f, func(int) {
		g.emit(Const(uint32(at))...)
		g.with(0x11, g.typeIndex(g.params[f], g.results[f]))
		g.emit(0)
	})
}

func (g *generator) finishCall(f int, call func(int)) {
	g.values(g.params[f], 2)
	call(f)
	g.pop(g.results[f])
}

// pop puts what is on the stack into locals or drops it.
func (g *generator) pop(types []byte) {
	for _, t := range slices.Backward(types) {
		if g.chance(3) {
			g.emit(0x1a)
		} else {
			g.with(0x21, g.local(t))
		}
	}
}

func (g *generator) vectorStatement(int) {
	g.vector(2)
	g.with(0x21, g.local(v128))
}
