// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import (
	"context"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// TestOpcodesAreWazeros compiles a function with each opcode that a byte or a prefix and a number
// can be, and checks that this package knows exactly those that wazero does.
func TestOpcodesAreWazeros(t *testing.T) {
	runtime := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	t.Cleanup(func() { _ = runtime.Close(context.Background()) })
	count := 0
	for _, code := range opcodes() {
		known := false
		for _, immediates := range [][]byte{
			nil, {0}, {0, 0}, {0, 0, 0}, {0x40, 0x0b}, {0x40, 0x05, 0x0b}, {1, 0x7f}, {0x70}, make([]byte, 4), make([]byte, 8), make([]byte, 16),
		} {
			body := slices.Concat([]byte{0x00}, code, immediates, []byte{0x00, 0x0b})
			m, err := runtime.CompileModule(t.Context(), withBody(body))
			if err != nil {
				continue
			}
			_ = m.Close(t.Context())
			if !known {
				count++
			}
			known = true
			if err := decodeAll(body); err != nil {
				t.Errorf("% x: wazero takes it, this package does not: %v", body, err)
			}
		}
		if op := opcode(code); known != (op.Info().Name != "") && op != OpElse && op != OpEnd {
			t.Errorf("% x is %s; wazero knows it: %t", code, op, known)
		}
	}
	// All but else and end, which cannot stand where the test puts them.
	if want := 435; count != want {
		t.Errorf("wazero takes %d of the opcodes, want %d", count, want)
	}
}

// opcodes is every opcode, as its bytes.
func opcodes() (out [][]byte) {
	for n := range 256 {
		if n != 0xfc && n != 0xfd {
			out = append(out, []byte{byte(n)})
		}
		out = append(out, prefixed(0xfc, n), prefixed(0xfd, n))
	}
	return out
}

func prefixed(prefix byte, n int) []byte {
	if n < 0x80 {
		return []byte{prefix, byte(n)}
	}
	return []byte{prefix, byte(n), 1}
}

func opcode(code []byte) Op {
	if len(code) == 1 {
		return Op(code[0])
	}
	return Op(code[0])<<8 | Op(code[1])
}

// withBody is a module with everything that an index 0 can refer to and a function with that body.
func withBody(body []byte) []byte {
	code := slices.Concat([]byte{1, byte(len(body) + 3), 1, 1, 0x7f}, body)
	return slices.Concat([]byte(Header),
		[]byte{1, 4, 1, 0x60, 0, 0},
		[]byte{3, 2, 1, 0},
		[]byte{4, 4, 1, 0x70, 0, 1},
		[]byte{5, 3, 1, 0, 1},
		[]byte{6, 6, 1, 0x7f, 1, 0x41, 0, 0x0b},
		[]byte{7, 5, 1, 1, 'f', 0, 0},
		[]byte{9, 5, 1, 3, 0, 1, 0},
		[]byte{12, 1, 1},
		[]byte{10, byte(len(code))}, code,
		[]byte{11, 3, 1, 1, 0},
	)
}

func decodeAll(body []byte) error {
	r := NewReader(body)
	var in Instr
	for r.Len() > 0 {
		r.Instr(&in)
	}
	return r.Err()
}
