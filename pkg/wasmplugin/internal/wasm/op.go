// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import "fmt"

// Op is an instruction: its opcode, after a prefix with the prefix in the upper byte.
type Op uint16

// Instructions that callers need by name.
const (
	OpUnreachable  Op = 0x00
	OpNop          Op = 0x01
	OpBlock        Op = 0x02
	OpLoop         Op = 0x03
	OpIf           Op = 0x04
	OpElse         Op = 0x05
	OpEnd          Op = 0x0b
	OpBr           Op = 0x0c
	OpBrIf         Op = 0x0d
	OpBrTable      Op = 0x0e
	OpReturn       Op = 0x0f
	OpCall         Op = 0x10
	OpCallIndirect Op = 0x11
	OpDrop         Op = 0x1a
	OpSelect       Op = 0x1b
	OpSelectT      Op = 0x1c
	OpLocalGet     Op = 0x20
	OpLocalSet     Op = 0x21
	OpLocalTee     Op = 0x22
	OpGlobalGet    Op = 0x23
	OpGlobalSet    Op = 0x24
	OpTableGet     Op = 0x25
	OpTableSet     Op = 0x26
	OpMemorySize   Op = 0x3f
	OpMemoryGrow   Op = 0x40
	OpI32Const     Op = 0x41
	OpI64Const     Op = 0x42
	OpF32Const     Op = 0x43
	OpF64Const     Op = 0x44
	OpI32Ne        Op = 0x47
	OpI64LtS       Op = 0x53
	OpI64Add       Op = 0x7c
	OpI64Sub       Op = 0x7d
	OpI64Or        Op = 0x84
	OpI64Shl       Op = 0x86
	OpI64ShrU      Op = 0x88
	OpI64ExtendU   Op = 0xad
	OpRefNull      Op = 0xd0
	OpRefIsNull    Op = 0xd1
	OpRefFunc      Op = 0xd2
	OpMemoryInit   Op = 0xfc08
	OpDataDrop     Op = 0xfc09
	OpMemoryCopy   Op = 0xfc0a
	OpMemoryFill   Op = 0xfc0b
	OpTableInit    Op = 0xfc0c
	OpElemDrop     Op = 0xfc0d
	OpTableCopy    Op = 0xfc0e
	OpTableGrow    Op = 0xfc0f
	OpTableSize    Op = 0xfc10
	OpTableFill    Op = 0xfc11
	OpV128Const    Op = 0xfd0c
)

// Info is what an instruction is like whatever its immediates are.
type Info struct {
	// Name is the one in the text format.
	Name string
	// Pops and Pushes are how many values it takes from the stack and leaves, apart from what
	// follows from the type of a block, a branch's target, a call or a return.
	Pops, Pushes uint8
	// Width of a memory access, as the power of two of its bytes.
	Width uint8
	imm   immediate
	lanes uint8
}

// immediate is what follows an opcode.
type immediate uint8

const (
	immNone immediate = iota
	immBlock
	immIndex
	immTwoIndexes
	immLabels
	immSelectType
	immMemory
	immMemoryLane
	immZero
	immTwoZeros
	immIndexZero
	immI32
	immI64
	immF32
	immF64
	immV128
	immShuffle
	immLane
	immRefType
)

var unknown Info

// Info describes the instruction; its name is empty if there is none with that opcode.
func (op Op) Info() *Info {
	switch n := int(op & 0xff); {
	case op>>8 == 0:
		return &oneByte[n]
	case op>>8 == 0xfc && n < len(misc):
		return &misc[n]
	case op>>8 == 0xfd:
		return &vector[n]
	}
	return &unknown
}

// String is the name in the text format.
func (op Op) String() string {
	if name := op.Info().Name; name != "" {
		return name
	}
	return fmt.Sprintf("opcode %#x", uint16(op))
}

// IsMemoryAccess says whether the instruction loads from or stores to memory at one address.
func (op Op) IsMemoryAccess() bool {
	imm := op.Info().imm
	return imm == immMemory || imm == immMemoryLane
}
