// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import "encoding/binary"

// Instr is a decoded instruction. Only the fields that the instruction has are set; the others
// keep what an earlier one left there.
type Instr struct {
	Op Op
	// Start is the offset of the opcode; End is one past the last immediate.
	Start, End int
	// Index is of the local, global, function, table, label, data or element segment. Of
	// call_indirect it is the type, of table.init the element segment, of table.copy the
	// destination.
	Index uint32
	// Index2 is the table of call_indirect and table.init, the source of table.copy.
	Index2 uint32
	// Block is the type of block, loop and if.
	Block BlockType
	// Labels are br_table's, the default last. The slice is reused for the next br_table.
	Labels []uint32
	// Align is the power of two that a memory access promises, Offset what it adds.
	Align, Offset uint32
	// Const is the bits of a constant other than v128.const; i32.const is sign-extended.
	Const uint64
	// Vector is v128.const's bytes or i8x16.shuffle's lanes.
	Vector [16]byte
	Lane   byte
	// Type is of the typed select and of ref.null.
	Type ValType
}

// BlockType is the type of a block: no values, one result, or a function type.
type BlockType struct {
	// Result is the only result, or zero.
	Result ValType
	// Indexed says that Index is the function type.
	Indexed bool
	Index   uint32
}

// Instr decodes the next instruction into in.
func (r *Reader) Instr(in *Instr) {
	in.Start = r.pos
	in.Op = Op(r.Byte())
	if in.Op == 0xfc || in.Op == 0xfd {
		in.Op = r.prefixed(byte(in.Op))
	}
	info := in.Op.Info()
	if info.Name == "" {
		r.badOpcode(in)
		return
	}
	r.immediates(in, info)
	in.End = r.pos
}

// prefixed reads the number after a prefix. It must be in as few bytes as possible: wazero takes
// the first byte after 0xfd for the opcode.
func (r *Reader) prefixed(prefix byte) Op {
	start := r.pos
	n := r.U32()
	if n > 0xff {
		r.badPrefixed(start-1, prefix, n)
		return 0
	}
	if size := r.pos - start; size > 2 || size == 2 && n < 0x80 {
		r.Fail(start, "opcode in more bytes than it needs")
	}
	return Op(prefix)<<8 | Op(n)
}

func (r *Reader) badPrefixed(offset int, prefix byte, n uint32) {
	if f := featureOfPrefixed(prefix, n); f != "" {
		r.refuse(offset, f, "opcode %#x %#x", prefix, n)
		return
	}
	r.Fail(offset, "there is no instruction with the opcode %#x %#x", prefix, n)
}

func (r *Reader) badOpcode(in *Instr) {
	if in.Op > 0xff {
		r.badPrefixed(in.Start, byte(in.Op>>8), uint32(in.Op&0xff))
		return
	}
	if f := featureOfOpcode(byte(in.Op)); f != "" {
		r.refuse(in.Start, f, "opcode %#x", byte(in.Op))
		return
	}
	r.Fail(in.Start, "there is no instruction with the opcode %#x", byte(in.Op))
}

func (r *Reader) immediates(in *Instr, info *Info) {
	switch info.imm {
	case immNone:
	case immBlock:
		in.Block = r.blockType()
	case immIndex:
		in.Index = r.U32()
	case immTwoIndexes:
		in.Index, in.Index2 = r.U32(), r.U32()
	case immLabels:
		r.labels(in)
	case immSelectType:
		r.selectType(in)
	case immMemory:
		r.memoryArgument(in, info)
	case immMemoryLane:
		r.memoryArgument(in, info)
		r.lane(in, info)
	case immLane:
		r.lane(in, info)
	case immZero:
		r.memoryIndex(in)
	case immTwoZeros:
		r.memoryIndex(in)
		r.memoryIndex(in)
	case immIndexZero:
		in.Index = r.U32()
		r.memoryIndex(in)
	case immRefType:
		in.Type = r.RefType()
	default:
		r.constant(in, info)
	}
}

func (r *Reader) constant(in *Instr, info *Info) {
	switch info.imm {
	case immI32:
		in.Const = uint64(r.S32())
	case immI64:
		in.Const = uint64(r.S64())
	case immF32:
		in.Const = uint64(r.F32())
	case immF64:
		in.Const = r.F64()
	case immV128:
		copy(in.Vector[:], r.Bytes(16))
	case immShuffle:
		start := r.pos
		copy(in.Vector[:], r.Bytes(16))
		if binary.LittleEndian.Uint64(in.Vector[:8])&^0x1f1f1f1f1f1f1f1f|binary.LittleEndian.Uint64(in.Vector[8:])&^0x1f1f1f1f1f1f1f1f != 0 {
			r.Fail(start, "a lane of %s is above 31", info.Name)
		}
	}
}

// blockType reads a block type. wazero reads a signed number and takes negative ones in any
// length for value types; those must be one byte.
func (r *Reader) blockType() BlockType {
	start := r.pos
	n := r.S33()
	if n >= 0 {
		return BlockType{Indexed: true, Index: uint32(n)}
	}
	t := byte(n & 0x7f)
	switch {
	case n < -64 || r.pos-start > 1:
		r.Fail(start, "%d is not a block type", n)
	case t == 0x40:
		return BlockType{}
	case !ValType(t).known():
		r.badType(start, t)
	}
	return BlockType{Result: ValType(t)}
}

// labels reads the labels of br_table and the default.
func (r *Reader) labels(in *Instr) {
	in.Labels = in.Labels[:0]
	for n := r.Count(1); n >= 0; n-- {
		in.Labels = append(in.Labels, r.U32())
	}
}

func (r *Reader) selectType(in *Instr) {
	start := r.pos
	if n := r.Byte(); n != 1 {
		r.Fail(start, "select with %d types; it has exactly one", n)
	}
	in.Type = r.ValType()
}

func (r *Reader) memoryArgument(in *Instr, info *Info) {
	start := r.pos
	in.Align = r.U32()
	switch {
	case in.Align&0x40 != 0 && in.Align < 0x80:
		r.refuse(start, FeatureMultiMemory, "%s with a memory index", info.Name)
	case in.Align > uint32(info.Width):
		r.Fail(start, "%s is aligned to 2^%d bytes, which is more than its size", info.Name, in.Align)
	}
	in.Offset = r.U32()
}

func (r *Reader) lane(in *Instr, info *Info) {
	start := r.pos
	if in.Lane = r.Byte(); in.Lane >= info.lanes {
		r.Fail(start, "lane %d of %s, which has %d", in.Lane, info.Name, info.lanes)
	}
}

// memoryIndex reads the byte that stands for the only memory.
func (r *Reader) memoryIndex(in *Instr) {
	start := r.pos
	if b := r.Byte(); b != 0 {
		r.refuse(start, FeatureMultiMemory, "%s with memory %#x", in.Op, b)
	}
}
