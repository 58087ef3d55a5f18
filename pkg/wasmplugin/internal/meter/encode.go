// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"encoding/binary"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// code is instructions that are being written.
type code []byte

func (c *code) op(ops ...wasm.Op) {
	for _, op := range ops {
		*c = append(*c, byte(op))
	}
}

func (c *code) index(op wasm.Op, index uint32) {
	*c = binary.AppendUvarint(append(*c, byte(op)), uint64(index))
}

func (c *code) i64(n int64) { *c = appendSigned(append(*c, byte(wasm.OpI64Const)), n) }

func (c *code) i32(n int32) { *c = appendSigned(append(*c, byte(wasm.OpI32Const)), int64(n)) }

// begin starts a block with the encoded type.
func (c *code) begin(op wasm.Op, blockType []byte) {
	*c = append(append(*c, byte(op)), blockType...)
}

// noValues is the block type of blocks that take and leave nothing.
var noValues = []byte{0x40}

func appendSigned(out []byte, n int64) []byte {
	for ; n < -64 || n > 63; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n)&0x7f)
}

func appendSized[T string | []byte | code](out []byte, content T) []byte {
	return append(binary.AppendUvarint(out, uint64(len(content))), content...)
}

func appendSection(out []byte, id wasm.SectionID, content []byte) []byte {
	return appendSized(append(out, byte(id)), content)
}
