// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wasm reads the binary format of WebAssembly 2.0, exactly as far as wazero has it
// enabled: MVP, sign extension, saturating truncation, multi-value, bulk memory, reference types
// and 128-bit vectors. Encodings that the specification allows but on which decoders disagree
// (prefixed opcodes and block types in more bytes than needed) are refused, so that what this
// package saw is what wazero compiles.
//
// The bytes are hostile: nothing is allocated from a declared count, a count is refused unless
// the bytes that are left could hold so many entries, and no recursion follows the input.
// It does not check indices or operand types; package verify does the former, wazero the latter.
//
// A Reader sticks to its first error: afterwards every method returns zero values, so callers may
// read a whole entry and look at Err once. Nothing here is closed; a Reader belongs to one
// goroutine, the bytes may be shared.
package wasm
