// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import (
	"encoding/binary"
	"math"
)

// values makes values of some types.
func (g *generator) values(types []byte, depth int) {
	for _, t := range types {
		g.value(t, depth)
	}
}

// value makes a value of a type.
func (g *generator) value(t byte, depth int) {
	switch {
	case depth <= 0 || g.chance(4):
		g.simple(t)
	case g.chance(8):
		g.choice(t, depth-1)
	case t == I32:
		g.i32(depth - 1)
	case t == I64:
		g.i64(depth - 1)
	default:
		g.float(t, depth-1)
	}
}

// simple makes a constant or reads a variable.
func (g *generator) simple(t byte) {
	switch n := g.r.IntN(6); {
	case n < 3:
		g.with(0x20, g.local(t))
	case n == 3:
		for i, of := range numbers {
			if of == t {
				g.with(0x23, i)
			}
		}
	case t == I32:
		g.emit(Const(uint32(g.r.Int32N(100) - 20))...)
	case t == I64:
		g.emit(Const64(g.r.Int64() >> g.r.IntN(60))...)
	case t == f32:
		g.code = binary.LittleEndian.AppendUint32(append(g.code, 0x43), math.Float32bits(g.r.Float32()*100-50))
	default:
		g.code = binary.LittleEndian.AppendUint64(append(g.code, 0x44), math.Float64bits(g.r.Float64()*1e6-5e5))
	}
}

// choice makes one of two values, by select or by blocks.
func (g *generator) choice(t byte, depth int) {
	switch g.r.IntN(3) {
	case 0:
		g.value(t, depth)
		g.value(t, depth)
		g.value(I32, depth)
		g.emit(0x1b)
	case 1:
		g.value(I32, depth)
		g.begin(0x04, nil, []byte{t}, []byte{t}, true)
		g.value(t, depth)
		g.emit(0x05)
		g.value(t, depth)
		g.end()
	default:
		g.begin(0x02, nil, []byte{t}, []byte{t}, true)
		g.value(t, depth)
		g.value(I32, depth)
		g.emit(0x0d, 0, 0x1a)
		g.value(t, depth)
		g.end()
	}
}

// between is an opcode from one up to another.
func (g *generator) between(from, to byte) byte { return from + byte(g.r.IntN(int(to-from)+1)) }

func (g *generator) unary(t byte, depth int, op ...byte) {
	g.value(t, depth)
	g.emit(op...)
}

func (g *generator) binary(t byte, depth int, op byte) {
	g.value(t, depth)
	g.value(t, depth)
	g.emit(op)
}

func (g *generator) i32(depth int) {
	switch g.r.IntN(11) {
	case 0:
		g.binary(I32, depth, g.between(0x46, 0x4f))
	case 1:
		g.binary(I64, depth, g.between(0x51, 0x5a))
	case 2:
		g.binary(f32, depth, g.between(0x5b, 0x60))
	case 3:
		g.binary(F64, depth, g.between(0x61, 0x66))
	case 4:
		g.unary(I32, depth, []byte{0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1}[g.r.IntN(6)])
	case 5:
		g.unary(I64, depth, []byte{0x50, 0xa7}[g.r.IntN(2)])
	case 6:
		g.division(I32, Const(1), 0x72, depth, g.between(0x6d, 0x70))
	case 7:
		g.address()
		g.emit([]byte{0x28, 0x2c, 0x2d, 0x2e, 0x2f}[g.r.IntN(5)], 0, 8)
	case 8:
		g.fromFloat(depth, []byte{0, 1}, []byte{2, 3}, []byte{0xa8, 0xa9}, []byte{0xaa, 0xab})
	case 9:
		g.extract(depth)
	default:
		g.binary(I32, depth, []byte{0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78}[g.r.IntN(11)])
	}
}

func (g *generator) i64(depth int) {
	switch g.r.IntN(6) {
	case 0:
		g.unary(I64, depth, []byte{0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4}[g.r.IntN(6)])
	case 1:
		g.division(I64, Const64(1), 0x84, depth, g.between(0x7f, 0x82))
	case 2:
		g.unary(I32, depth, []byte{0xac, 0xad}[g.r.IntN(2)])
	case 3:
		g.address()
		g.emit(g.between(0x30, 0x35), 0, 16)
	case 4:
		g.fromFloat(depth, []byte{4, 5}, []byte{6, 7}, []byte{0xae, 0xaf}, []byte{0xb0, 0xb1})
	default:
		g.binary(I64, depth, []byte{0x7c, 0x7d, 0x7e, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a}[g.r.IntN(11)])
	}
}

// division divides by what is nearly never zero.
func (g *generator) division(t byte, one []byte, or byte, depth int, op byte) {
	g.value(t, depth)
	g.value(t, depth)
	if !g.chance(40) {
		g.emit(one...)
		g.emit(or)
	}
	g.emit(op)
}

// fromFloat converts a float with saturation or, seldom, so that it can trap.
func (g *generator) fromFloat(depth int, sat32, sat64, trap32, trap64 []byte) {
	t, saturating, trapping := f32, sat32, trap32
	if g.chance(2) {
		t, saturating, trapping = F64, sat64, trap64
	}
	if g.chance(40) {
		g.unary(t, depth, trapping[g.r.IntN(2)])
		return
	}
	g.unary(t, depth, 0xfc, saturating[g.r.IntN(2)])
}

func (g *generator) float(t byte, depth int) {
	unary, convert, other, from := byte(0x8b), byte(0xb2), byte(0xb6), F64
	if t == F64 {
		unary, convert, other, from = 0x99, 0xb7, 0xbb, f32
	}
	switch g.r.IntN(5) {
	case 0:
		g.unary(t, depth, unary+byte(g.r.IntN(7)))
	case 1:
		g.unary([]byte{I32, I64}[g.r.IntN(2)], 0, 0x1a)
		g.unary(I32, depth, convert+byte(g.r.IntN(2)))
	case 2:
		g.unary(I64, depth, convert+2+byte(g.r.IntN(2)))
	case 3:
		g.unary(from, depth, other)
	default:
		g.binary(t, depth, unary+7+byte(g.r.IntN(7)))
	}
}

// vector makes a vector of integers.
func (g *generator) vector(depth int) {
	switch g.r.IntN(4) {
	case 0:
		g.with(0x20, g.local(v128))
	case 1:
		g.unary(I32, depth-1, 0xfd, 0x11)
	default:
		if depth <= 0 {
			g.unary(I64, 0, 0xfd, 0x12)
			return
		}
		g.vector(depth - 1)
		g.vector(depth - 1)
		g.emit([][]byte{{0xfd, 0x6e}, {0xfd, 0xae, 1}, {0xfd, 0x51}, {0xfd, 0xb5, 1}, {0xfd, 0x39}, {0xfd, 0x71}}[g.r.IntN(6)]...)
	}
}

// extract makes an i32 of a vector.
func (g *generator) extract(depth int) {
	g.vector(depth)
	g.emit([][]byte{{0xfd, 0x1b, 2}, {0xfd, 0x53}, {0xfd, 0x63}, {0xfd, 0x16, 9}, {0xfd, 0x64}}[g.r.IntN(5)]...)
}
