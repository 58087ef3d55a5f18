// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// What a generated program looks like from outside.
const (
	// ProgramPages is the size of its memory, exported as "memory".
	ProgramPages = 2
	// ProgramGlobals is how many globals it exports, as "g0" and so on.
	ProgramGlobals = 4
)

// Program is a generated module and the signatures of the functions that it exports as "f0" and so
// on. It imports host.increment: (i32) -> (i32).
type Program struct {
	Module []byte
	Params [][]byte
}

// Generate makes a valid program from a seed, the same for the same seed. Its functions end: they
// return, or they trap. They use loops, branches and calls of every kind, several results, memory,
// tables, globals, floats and vectors. No NaN's bits show in what they compute, so that all engines agree.
func Generate(seed uint64) Program {
	g := &generator{r: rand.New(rand.NewPCG(seed, 0x57a6e)), shape: map[string]int{}}
	functions := 2 + g.r.IntN(6)
	for range functions {
		g.params = append(g.params, g.types(3))
		g.results = append(g.results, g.types(3))
	}
	var bodies [][]byte
	for i := range functions {
		bodies = append(bodies, g.function(i))
	}
	return Program{Module: g.assemble(bodies), Params: g.params}
}

// Value types that only generated programs use.
const (
	f32  byte = 0x7d
	v128 byte = 0x7b
)

var numbers = []byte{I32, I64, f32, F64}

// generator makes one program.
type generator struct {
	r *rand.Rand
	// params and results are the functions' signatures; the imported function comes before them.
	params, results [][]byte
	// shape is the index of each type in the type section, shapes the types.
	shape  map[string]int
	shapes [][]byte

	// The rest is of the function being made.
	index  int
	code   []byte
	locals []byte
	labels []label
	// budget is how many more statements the function may have.
	budget int
}

// label is a block that can be branched to with values of some types; a loop may not be.
type label struct {
	types  []byte
	usable bool
}

func (g *generator) types(most int) []byte {
	out := make([]byte, g.r.IntN(most+1))
	for i := range out {
		out[i] = numbers[g.r.IntN(len(numbers))]
	}
	return out
}

// typeIndex is the index of a function type.
func (g *generator) typeIndex(params, results []byte) int {
	t := signature(params, results)
	i, ok := g.shape[string(t)]
	if !ok {
		i = len(g.shapes)
		g.shape[string(t)], g.shapes = i, append(g.shapes, t)
	}
	return i
}

// chance is true once in n times.
func (g *generator) chance(n int) bool { return g.r.IntN(n) == 0 }

func (g *generator) emit(code ...byte) { g.code = append(g.code, code...) }

func (g *generator) with(op byte, index int) {
	g.code = append(append(g.code, op), unsigned(uint64(index))...)
}

// function makes the body of a function, with its declarations and size.
func (g *generator) function(i int) []byte {
	g.index, g.code, g.budget = i, nil, 25
	g.locals = slices.Concat(g.params[i], numbers, []byte{I32, v128})
	g.labels = []label{{g.results[i], true}}
	g.statements(4)
	g.values(g.results[i], 3)
	g.emit(0x0b)
	var declarations [][]byte
	for _, t := range g.locals[len(g.params[i]):] {
		declarations = append(declarations, []byte{1, t})
	}
	return sized(append(vector(declarations), g.code...))
}

// local is some local of a type.
func (g *generator) local(t byte) int {
	for {
		if i := g.r.IntN(len(g.params[g.index]) + 6); g.locals[i] == t {
			return i
		}
	}
}

// counter is a new local that nothing else writes to.
func (g *generator) counter() int {
	g.locals = append(g.locals, I32)
	return len(g.locals) - 1
}

// assemble makes the module.
func (g *generator) assemble(bodies [][]byte) []byte {
	increment := g.typeIndex([]byte{I32}, []byte{I32})
	var types, table, exports [][]byte
	for i := range g.params {
		types = append(types, unsigned(uint64(g.typeIndex(g.params[i], g.results[i]))))
		table = append(table, unsigned(uint64(i+1)))
		exports = append(exports, slices.Concat(sized(fmt.Appendf(nil, "f%d", i)), []byte{0}, unsigned(uint64(i+1))))
	}
	var globals [][]byte
	for i, t := range numbers {
		zero := [][]byte{Const(7), Const64(-9), {0x43, 0, 0, 0x80, 0x3f}, {0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f}}[i]
		globals = append(globals, slices.Concat([]byte{t, 1}, zero, []byte{0x0b}))
		exports = append(exports, slices.Concat(sized(fmt.Appendf(nil, "g%d", i)), []byte{3, byte(i)}))
	}
	exports = append(exports, append(sized([]byte("memory")), 2, 0))
	out := section([]byte("\x00asm\x01\x00\x00\x00"), 1, vector(g.shapes))
	out = section(out, 2, vector([][]byte{slices.Concat(sized([]byte("host")), sized([]byte("increment")), []byte{0}, unsigned(uint64(increment)))}))
	out = section(out, 3, vector(types))
	out = section(out, 4, []byte{1, 0x70, 0, byte(len(g.params) + 4)})
	out = section(out, 5, []byte{1, 1, ProgramPages, ProgramPages + 2})
	out = section(out, 6, vector(globals))
	out = section(out, 7, vector(exports))
	out = section(out, 9, slices.Concat([]byte{1, 0}, Const(0), []byte{0x0b}, vector(table)))
	out = section(out, 12, []byte{1})
	out = section(out, 10, vector(bodies))
	return section(out, 11, slices.Concat([]byte{1, 1}, sized([]byte("stowage data"))))
}
