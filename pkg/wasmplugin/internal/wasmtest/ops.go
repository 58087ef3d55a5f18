// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import (
	"encoding/binary"
	"math"
	"slices"
)

// Code concatenates instructions.
func Code(parts ...[]byte) []byte { return slices.Concat(parts...) }

// Const pushes an i32.
func Const(n uint32) []byte { return append([]byte{0x41}, signed(int64(int32(n)))...) }

// Const64 pushes an i64.
func Const64(n int64) []byte { return append([]byte{0x42}, signed(n)...) }

// ConstF64 pushes an f64.
func ConstF64(f float64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{0x44}, math.Float64bits(f))
}

// Param pushes a parameter.
func Param(i uint32) []byte { return append([]byte{0x20}, unsigned(uint64(i))...) }

// Call calls the function of that index.
func Call(i uint32) []byte { return append([]byte{0x10}, unsigned(uint64(i))...) }

// Load pushes the i32 at an address.
func Load(addr uint32) []byte { return Code(Const(addr), LoadTop()) }

// LoadTop replaces the address on the stack by the i32 there.
func LoadTop() []byte { return []byte{0x28, 2, 0} }

// Store stores an i32 at an address.
func Store(addr, value uint32) []byte { return Code(Const(addr), Const(value), StoreTop()) }

// StoreTop stores the i32 on the stack at the address below it.
func StoreTop() []byte { return []byte{0x36, 2, 0} }

// Store64Top stores the i64 on the stack at the address below it.
func Store64Top() []byte { return []byte{0x37, 3, 0} }

// Store64 stores an i64 at an address.
func Store64(addr uint32, value int64) []byte {
	return Code(Const(addr), Const64(value), Store64Top())
}

// Add adds the two i32 on the stack.
func Add() []byte { return []byte{0x6a} }

// Subtract subtracts the top of the stack from the i32 below it.
func Subtract() []byte { return []byte{0x6b} }

// Multiply multiplies the two i32 on the stack.
func Multiply() []byte { return []byte{0x6c} }

// Not replaces the i32 on the stack by 1 if it is zero and by 0 otherwise.
func Not() []byte { return []byte{0x45} }

// Equal replaces the two i32 on the stack by 1 if they are equal and by 0 otherwise.
func Equal() []byte { return []byte{0x46} }

// Less replaces the two i32 on the stack by 1 if the lower one is less, unsigned, and by 0
// otherwise.
func Less() []byte { return []byte{0x49} }

// ShiftLeft shifts the i32 below the top of the stack by the top.
func ShiftLeft() []byte { return []byte{0x74} }

// ShiftRight shifts the i32 below the top of the stack right by the top, filling with zeros.
func ShiftRight() []byte { return []byte{0x76} }

// Divide divides the i32 below the top of the stack by the top.
func Divide() []byte { return []byte{0x6d} }

// Grow replaces the number of pages on the stack by the former size or -1.
func Grow() []byte { return []byte{0x40, 0} }

// Drop drops the top of the stack.
func Drop() []byte { return []byte{0x1a} }

// Unreachable traps.
func Unreachable() []byte { return []byte{0x00} }
