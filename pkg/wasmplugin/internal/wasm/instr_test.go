// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInstr(t *testing.T) {
	tests := map[string]struct {
		bytes []byte
		want  Instr
	}{
		"block without values": {[]byte{0x02, 0x40}, Instr{Op: OpBlock}},
		"loop with a result":   {[]byte{0x03, 0x7e}, Instr{Op: OpLoop, Block: BlockType{Result: I64}}},
		"if with a type":       {[]byte{0x04, 0x80, 0x01}, Instr{Op: OpIf, Block: BlockType{Indexed: true, Index: 128}}},
		"br_table":             {[]byte{0x0e, 2, 3, 4, 5}, Instr{Op: OpBrTable, Labels: []uint32{3, 4, 5}}},
		"br_table, default":    {[]byte{0x0e, 0, 7}, Instr{Op: OpBrTable, Labels: []uint32{7}}},
		"call_indirect":        {[]byte{0x11, 3, 1}, Instr{Op: OpCallIndirect, Index: 3, Index2: 1}},
		"typed select":         {[]byte{0x1c, 1, 0x70}, Instr{Op: OpSelectT, Type: FuncRef}},
		"load":                 {[]byte{0x29, 3, 0x80, 0x80, 1}, Instr{Op: 0x29, Align: 3, Offset: 1 << 14}},
		"i32.const":            {[]byte{0x41, 0x7f}, Instr{Op: OpI32Const, Const: 1<<64 - 1}},
		"f64.const":            {[]byte{0x44, 1, 2, 3, 4, 5, 6, 7, 8}, Instr{Op: OpF64Const, Const: 0x0807060504030201}},
		"ref.null":             {[]byte{0xd0, 0x6f}, Instr{Op: OpRefNull, Type: ExternRef}},
		"memory.init":          {[]byte{0xfc, 8, 2, 0}, Instr{Op: OpMemoryInit, Index: 2}},
		"memory.copy":          {[]byte{0xfc, 10, 0, 0}, Instr{Op: OpMemoryCopy}},
		"table.copy":           {[]byte{0xfc, 14, 1, 2}, Instr{Op: OpTableCopy, Index: 1, Index2: 2}},
		"i16x8.abs":            {[]byte{0xfd, 0x80, 1}, Instr{Op: 0xfd80}},
		"v128.store16_lane":    {[]byte{0xfd, 0x59, 1, 4, 7}, Instr{Op: 0xfd59, Align: 1, Offset: 4, Lane: 7}},
		"shuffle":              {[]byte{0xfd, 0x0d, 31, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, Instr{Op: 0xfd0d, Vector: [16]byte{31, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.want.End = len(tc.bytes)
			for cut := range tc.bytes {
				if r := NewReader(tc.bytes[:cut]); decodeOne(r).Op != 0 && r.Err() == nil {
					t.Errorf("the first %d bytes decode", cut)
				}
			}
			r := NewReader(tc.bytes)
			got := decodeOne(r)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("unexpected instruction (-want,+got):\n%s", diff)
			}
			if err := r.Err(); err != nil {
				t.Errorf("unexpected error: %v", err)
			}
		})
	}
}

func decodeOne(r *Reader) (in Instr) {
	r.Instr(&in)
	return in
}

func TestInstrRefuses(t *testing.T) {
	tests := map[string]struct {
		bytes []byte
		want  string
	}{
		"unknown opcode":             {[]byte{0xff}, "at byte 0x0: there is no instruction with the opcode 0xff"},
		"unknown after 0xfc":         {[]byte{0xfc, 0x40}, "at byte 0x0: there is no instruction with the opcode 0xfc 0x40"},
		"unknown vector":             {[]byte{0xfd, 0x9a, 1}, "at byte 0x0: there is no instruction with the opcode 0xfd 0x9a"},
		"large vector":               {[]byte{0xfd, 0x80, 0x04}, "at byte 0x0: there is no instruction with the opcode 0xfd 0x200"},
		"padded opcode":              {[]byte{0xfd, 0x80, 0x00}, "at byte 0x1: opcode in more bytes than it needs"},
		"padded opcode, three bytes": {[]byte{0xfd, 0x80, 0x81, 0x00}, "at byte 0x1: opcode in more bytes than it needs"},
		"padded block type":          {[]byte{0x02, 0xc0, 0x7f}, "at byte 0x1: -64 is not a block type"},
		"unknown block type":         {[]byte{0x02, 0x41}, "at byte 0x1: 0x41 is not a value type"},
		"br_table of nothing":        {[]byte{0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}, "at byte 0x1: 4294967295 entries of at least 1 bytes declared, 1 bytes left"},
		"br_table without default":   {[]byte{0x0e, 1, 0}, "at byte 0x3: unexpected end"},
		"select of two":              {[]byte{0x1c, 2, 0x7f, 0x7f}, "at byte 0x1: select with 2 types; it has exactly one"},
		"alignment":                  {[]byte{0x28, 3, 0}, "at byte 0x1: i32.load is aligned to 2^3 bytes, which is more than its size"},
		"lane":                       {[]byte{0xfd, 0x1d, 2}, "at byte 0x2: lane 2 of i64x2.extract_lane, which has 2"},
		"lane of a shuffle":          {[]byte{0xfd, 0x0d, 32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, "at byte 0x2: a lane of i8x16.shuffle is above 31"},
		"null of a number":           {[]byte{0xd0, 0x7f}, "at byte 0x1: i32 is not a reference type"},
		"atomic":                     {[]byte{0xfe, 0x10, 2, 0}, "at byte 0x0: opcode 0xfe needs threads, which is not supported"},
		"return_call":                {[]byte{0x12, 0}, "at byte 0x0: opcode 0x12 needs tail calls, which is not supported"},
		"try_table":                  {[]byte{0x1f, 0x40}, "at byte 0x0: opcode 0x1f needs exception handling, which is not supported"},
		"throw":                      {[]byte{0x08, 0}, "at byte 0x0: opcode 0x8 needs exception handling, which is not supported"},
		"struct.new":                 {[]byte{0xfb, 0, 0}, "at byte 0x0: opcode 0xfb needs garbage collection, which is not supported"},
		"call_ref":                   {[]byte{0x14, 0}, "at byte 0x0: opcode 0x14 needs typed function references, which is not supported"},
		"suspend":                    {[]byte{0xe2, 0}, "at byte 0x0: opcode 0xe2 needs stack switching, which is not supported"},
		"relaxed SIMD":               {[]byte{0xfd, 0x80, 0x02}, "at byte 0x0: opcode 0xfd 0x100 needs relaxed SIMD, which is not supported"},
		"i64.add128":                 {[]byte{0xfc, 0x13}, "at byte 0x0: opcode 0xfc 0x13 needs wide arithmetic, which is not supported"},
		"second memory, load":        {[]byte{0x28, 0x42, 1, 0}, "at byte 0x1: i32.load with a memory index needs multiple memories, which is not supported"},
		"second memory, grow":        {[]byte{0x40, 1}, "at byte 0x1: memory.grow with memory 0x1 needs multiple memories, which is not supported"},
		"block of exnref":            {[]byte{0x02, 0x69}, "at byte 0x1: the value type 0x69 needs exception handling, which is not supported"},
		"null of a struct":           {[]byte{0xd0, 0x6b}, "at byte 0x1: the value type 0x6b needs garbage collection, which is not supported"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(tc.bytes)
			decodeOne(r)
			if diff := cmp.Diff(tc.want, message(r.Err())); diff != "" {
				t.Errorf("unexpected error (-want,+got):\n%s", diff)
			}
		})
	}
}
