// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import "slices"

// begin starts a block with results and, for its label, the types that a branch to it brings.
func (g *generator) begin(op byte, params, results, branch []byte, usable bool) {
	g.emit(op)
	switch {
	case len(params) == 0 && len(results) == 0:
		g.emit(0x40)
	case len(params) == 0 && len(results) == 1:
		g.emit(results[0])
	default:
		g.emit(signed(int64(g.typeIndex(params, results)))...)
	}
	g.labels = append(g.labels, label{branch, usable})
}

func (g *generator) end() {
	g.emit(0x0b)
	g.labels = g.labels[:len(g.labels)-1]
}

func (g *generator) ifElse(depth int) {
	results := g.types(2)
	g.value(I32, 2)
	g.begin(0x04, nil, results, results, true)
	g.statements(depth - 1)
	if len(results) > 0 || g.chance(2) {
		g.values(results, 2)
		g.emit(0x05)
		g.statements(depth - 1)
		g.values(results, 2)
	}
	g.end()
	g.pop(results)
}

func (g *generator) block(depth int) {
	results := g.types(2)
	g.begin(0x02, nil, results, results, true)
	g.statements(depth - 1)
	g.values(results, 2)
	g.end()
	g.pop(results)
}

// while loops up to a number of times; anything in it may go on with the next turn.
func (g *generator) while(depth int) {
	c := g.counter()
	g.emit(Const(uint32(1 + g.r.IntN(4)))...)
	g.with(0x21, c)
	g.begin(0x02, nil, nil, nil, true)
	g.begin(0x03, nil, nil, nil, true)
	g.with(0x20, c)
	g.emit(0x45, 0x0d, 1)
	g.decrement(c)
	g.statements(depth - 1)
	g.emit(0x0c, 0)
	g.end()
	g.end()
}

// decrement leaves the new value.
func (g *generator) decrement(c int) {
	g.with(0x20, c)
	g.emit(Const(1)...)
	g.emit(0x6b)
	g.with(0x21, c)
}

// doWhile is a loop with parameters and results.
func (g *generator) doWhile(depth int) {
	c, types, results := g.counter(), g.types(2), g.types(2)
	g.emit(Const(uint32(1 + g.r.IntN(3)))...)
	g.with(0x21, c)
	g.values(types, 2)
	g.begin(0x03, types, results, types, false)
	g.pop(types)
	g.statements(depth - 1)
	g.decrement(c)
	g.values(types, 1)
	g.with(0x20, c)
	g.emit(0x0d, 0)
	g.pop(types)
	g.values(results, 2)
	g.end()
	g.pop(results)
}

// tightLoop only counts.
func (g *generator) tightLoop(int) {
	c := g.counter()
	g.emit(Const(uint32(1 + g.r.IntN(30)))...)
	g.with(0x21, c)
	g.begin(0x03, nil, nil, nil, false)
	g.decrement(c)
	g.with(0x20, c)
	g.emit(0x0d, 0)
	g.end()
}

// target is some label that can be branched to.
func (g *generator) target() (depth int, types []byte) {
	for {
		depth = g.r.IntN(len(g.labels))
		if l := g.labels[len(g.labels)-1-depth]; l.usable {
			return depth, l.types
		}
	}
}

func (g *generator) branch(int) {
	depth, types := g.target()
	g.values(types, 1)
	g.value(I32, 2)
	g.with(0x0d, depth)
	g.pop(types)
}

// brTable branches to one of the labels that take nothing, in a block of its own.
func (g *generator) brTable(depth int) {
	g.begin(0x02, nil, nil, nil, true)
	g.begin(0x02, nil, nil, nil, true)
	g.statements(depth - 1)
	targets := []int{0, 1}
	for d, l := range slices.Backward(g.labels) {
		if l.usable && len(l.types) == 0 {
			targets = append(targets, len(g.labels)-1-d)
		}
	}
	g.value(I32, 2)
	g.emit(Const(7)...)
	g.emit(0x71)
	n := g.r.IntN(6)
	g.with(0x0e, n)
	for range n + 1 {
		g.emit(unsigned(uint64(targets[g.r.IntN(len(targets))]))...)
	}
	g.end()
	g.statements(depth - 1)
	g.end()
}

// leave leaves the function or the block, or traps, if something is so. What follows is dead code.
func (g *generator) leave(depth int) {
	g.value(I32, 3)
	g.begin(0x04, nil, nil, nil, true)
	switch g.r.IntN(8) {
	case 0:
		g.emit(0x00)
	case 1, 2, 3:
		g.values(g.results[g.index], 1)
		g.emit(0x0f)
	default:
		to, types := g.target()
		g.values(types, 1)
		g.with(0x0c, to)
	}
	if g.chance(2) {
		g.statements(depth - 1)
	}
	g.end()
}
