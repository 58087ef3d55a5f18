// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

// Block is instructions that Br 0 leaves.
func Block(body ...[]byte) []byte { return structured(0x02, body) }

// Loop is instructions that Br 0 starts again.
func Loop(body ...[]byte) []byte { return structured(0x03, body) }

// If is instructions that run if the i32 on the stack is not zero.
func If(body ...[]byte) []byte { return structured(0x04, body) }

// structured has no parameters and no results.
func structured(op byte, body [][]byte) []byte {
	return Code([]byte{op, 0x40}, Code(body...), []byte{0x0b})
}

// Else separates what If runs otherwise.
func Else() []byte { return []byte{0x05} }

// Br branches to the label that many levels out.
func Br(depth uint32) []byte { return indexed(0x0c, depth) }

// BrIf branches if the i32 on the stack is not zero.
func BrIf(depth uint32) []byte { return indexed(0x0d, depth) }

// BrTable branches to the label that the i32 on the stack selects, or to the last one.
func BrTable(first uint32, others ...uint32) []byte {
	out := append([]byte{0x0e}, unsigned(uint64(len(others)))...)
	for _, depth := range append([]uint32{first}, others...) {
		out = append(out, unsigned(uint64(depth))...)
	}
	return out
}

// Return leaves the function.
func Return() []byte { return []byte{0x0f} }

// CallIndirect calls the function of a table that the i32 on the stack selects; it must have
// the signature of the function of that index, since every function has a type of its own.
func CallIndirect(like, table uint32) []byte {
	return Code(indexed(0x11, like), unsigned(uint64(table)))
}

// Set pops a local variable.
func Set(i uint32) []byte { return indexed(0x21, i) }

// Tee stores the top of the stack in a local variable.
func Tee(i uint32) []byte { return indexed(0x22, i) }

// GlobalGet pushes a global variable.
func GlobalGet(i uint32) []byte { return indexed(0x23, i) }

// GlobalSet pops a global variable.
func GlobalSet(i uint32) []byte { return indexed(0x24, i) }

// TableGrow grows a table by the i32 on the stack over the reference to fill it with.
func TableGrow(table uint32) []byte { return indexed(0xfc, 15, table) }

// TableFill fills the part of a table given by offset, reference and length on the stack.
func TableFill(table uint32) []byte { return indexed(0xfc, 17, table) }

// TableCopy copies within a table, by target, source and length on the stack.
func TableCopy(table uint32) []byte { return indexed(0xfc, 14, table, table) }

// NoFunc pushes a null reference.
func NoFunc() []byte { return []byte{0xd0, FuncRef} }

// FuncOf pushes a reference to a function that an element segment names.
func FuncOf(i uint32) []byte { return indexed(0xd2, i) }

// MemoryFill fills memory, by address, byte and length on the stack.
func MemoryFill() []byte { return indexed(0xfc, 11, 0) }

// MemoryCopy copies memory, by target, source and length on the stack.
func MemoryCopy() []byte { return indexed(0xfc, 10, 0, 0) }

// MemoryInit copies from a data segment, by target, source and length on the stack.
func MemoryInit(segment uint32) []byte { return indexed(0xfc, 8, segment, 0) }

// MemorySize pushes the number of pages.
func MemorySize() []byte { return []byte{0x3f, 0} }

func indexed(op byte, indices ...uint32) []byte {
	out := []byte{op}
	for _, i := range indices {
		out = append(out, unsigned(uint64(i))...)
	}
	return out
}
