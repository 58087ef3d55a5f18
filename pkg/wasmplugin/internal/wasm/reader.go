// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Error is what is wrong at a place of a module.
type Error struct {
	// Offset is the byte of the module at which the thing that is wrong starts.
	Offset int
	// Feature is the proposal that the module would need, if that is what is wrong.
	Feature string
	Problem string
}

// Error says what is wrong and where.
func (e *Error) Error() string { return fmt.Sprintf("at byte %#x: %s", e.Offset, e.Problem) }

// Reader reads a range of a module's bytes. Offsets are absolute.
type Reader struct {
	module   []byte
	pos, end int
	err      error
}

// NewReader reads module from its first byte.
func NewReader(module []byte) *Reader { return &Reader{module: module, end: len(module)} }

// Range reads the bytes of a module from start up to end, which must be in it.
func Range(module []byte, start, end int) Reader { return Reader{module: module, pos: start, end: end} }

// Err is the first thing that went wrong, an *Error, or nil.
func (r *Reader) Err() error { return r.err }

// Offset is where the next byte is in the module.
func (r *Reader) Offset() int { return r.pos }

// Len is how many bytes are left; none after an error.
func (r *Reader) Len() int { return r.end - r.pos }

// Fail makes the reader fail with a problem at an offset unless it has failed before.
func (r *Reader) Fail(offset int, format string, args ...any) {
	r.fail(&Error{Offset: offset, Problem: fmt.Sprintf(format, args...)})
}

func (r *Reader) fail(err error) {
	if r.err == nil && err != nil {
		r.err = err
		r.pos = r.end
	}
}

// Sub is a reader of the next n bytes, which r skips. What goes wrong in it is not r's error.
func (r *Reader) Sub(n uint32) Reader {
	start := r.pos
	r.Bytes(n)
	return Reader{module: r.module, pos: start, end: r.pos, err: r.err}
}

// Byte reads a byte.
func (r *Reader) Byte() byte {
	if r.pos >= r.end {
		r.Fail(r.pos, "unexpected end")
		return 0
	}
	r.pos++
	return r.module[r.pos-1]
}

// Bytes reads n bytes, which stay the module's.
func (r *Reader) Bytes(n uint32) []byte {
	if uint64(n) > uint64(r.Len()) {
		r.Fail(r.pos, "%d bytes declared, %d left", n, r.Len())
		return nil
	}
	r.pos += int(n)
	return r.module[r.pos-int(n) : r.pos : r.pos]
}

// U32 reads an unsigned LEB128 number.
func (r *Reader) U32() uint32 {
	if r.pos < r.end && r.module[r.pos] < 0x80 {
		r.pos++
		return uint32(r.module[r.pos-1])
	}
	return r.longU32()
}

// S32 reads a signed LEB128 number.
func (r *Reader) S32() int32 { return int32(r.signed(32)) }

// S33 reads a signed LEB128 number that also has room for any unsigned 32-bit one.
func (r *Reader) S33() int64 { return r.signed(33) }

// S64 reads a signed LEB128 number.
func (r *Reader) S64() int64 { return r.signed(64) }

func (r *Reader) longU32() (n uint32) {
	start := r.pos
	for shift := 0; shift < 32; shift += 7 {
		b := r.Byte()
		if shift == 28 && b > 0x0f {
			break
		}
		n |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.Fail(start, "number does not fit in 32 bits")
	return 0
}

func (r *Reader) signed(bits uint) (n int64) {
	start := r.pos
	for shift := uint(0); shift < bits; shift += 7 {
		b := r.Byte()
		// The bits that do not fit repeat the sign, and the number ends here.
		if left := bits - shift; left < 7 && int8(b<<1)>>left != int8(b<<1)>>7 || left < 7 && b >= 0x80 {
			break
		}
		n |= int64(b&0x7f) << shift
		if b < 0x80 {
			return n << (64 - min(64, shift+7)) >> (64 - min(64, shift+7))
		}
	}
	r.Fail(start, "number does not fit in %d bits", bits)
	return 0
}

// F32 reads the bits of a float.
func (r *Reader) F32() uint32 {
	if b := r.Bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// F64 reads the bits of a double.
func (r *Reader) F64() uint64 {
	if b := r.Bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Name reads a UTF-8 string.
func (r *Reader) Name() string {
	start := r.pos
	b := r.Bytes(r.U32())
	if !utf8.Valid(b) {
		r.Fail(start, "name is not UTF-8")
		return ""
	}
	return string(b)
}

// Count reads how many entries of at least minBytes follow.
func (r *Reader) Count(minBytes int) int {
	start := r.pos
	n := r.U32()
	if uint64(n)*uint64(minBytes) > uint64(r.Len()) {
		r.Fail(start, "%d entries of at least %d bytes declared, %d bytes left", n, minBytes, r.Len())
		return 0
	}
	return int(n)
}

// IsFeature returns the proposal that a module needs, if err is about that.
func IsFeature(err error) (feature string, ok bool) {
	var e *Error
	if !errors.As(err, &e) || e.Feature == "" {
		return "", false
	}
	return e.Feature, true
}
