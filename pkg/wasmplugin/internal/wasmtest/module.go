// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import (
	"maps"
	"slices"
)

// Value types of Wasm.
const (
	I32 byte = 0x7f
	I64 byte = 0x7e
)

// Module is a core module by its parts, for guests that no compiler would make. The zero value
// is the smallest module.
type Module struct {
	Imports []Import
	Funcs   []Func
	// Pages and MaxPages size the memory, exported as "memory"; no memory if Pages is 0, no
	// maximum if MaxPages is 0.
	Pages, MaxPages uint32
	// Data is memory content by address.
	Data map[uint32][]byte
	// Start is 1 + the index of the function that runs on instantiation; 0: none.
	Start uint32
}

// Import is an imported function. Its index is its place in Module.Imports.
type Import struct {
	Module, Name    string
	Params, Results []byte
}

// Func is a function. Its index is len(Imports) + its place in Module.Funcs. It is exported if
// it has a name.
type Func struct {
	Name            string
	Params, Results []byte
	Body            []byte
}

// Bytes assembles the module.
func (m Module) Bytes() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = section(out, 1, vector(append(mapped(m.Imports, importType), mapped(m.Funcs, funcType)...)))
	out = section(out, 2, vector(m.imports()))
	out = section(out, 3, vector(m.typeIndexes()))
	out = section(out, 5, m.memory())
	out = section(out, 7, vector(m.exports()))
	if m.Start > 0 {
		out = section(out, 8, unsigned(uint64(m.Start-1)))
	}
	out = section(out, 10, vector(mapped(m.Funcs, code)))
	return section(out, 11, vector(m.data()))
}

func mapped[T any](in []T, f func(T) []byte) (out [][]byte) {
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

func importType(i Import) []byte { return signature(i.Params, i.Results) }

func funcType(f Func) []byte { return signature(f.Params, f.Results) }

func signature(params, results []byte) []byte {
	return slices.Concat([]byte{0x60}, sized(params), sized(results))
}

func (m Module) imports() (out [][]byte) {
	for i, f := range m.Imports {
		out = append(out, slices.Concat(sized([]byte(f.Module)), sized([]byte(f.Name)), []byte{0}, unsigned(uint64(i))))
	}
	return out
}

func (m Module) typeIndexes() (out [][]byte) {
	for i := range m.Funcs {
		out = append(out, unsigned(uint64(len(m.Imports)+i)))
	}
	return out
}

func (m Module) memory() []byte {
	switch {
	case m.Pages == 0:
		return nil
	case m.MaxPages == 0:
		return slices.Concat([]byte{1, 0}, unsigned(uint64(m.Pages)))
	}
	return slices.Concat([]byte{1, 1}, unsigned(uint64(m.Pages)), unsigned(uint64(m.MaxPages)))
}

func (m Module) exports() (out [][]byte) {
	if m.Pages > 0 {
		out = append(out, slices.Concat(sized([]byte("memory")), []byte{2, 0}))
	}
	for i, f := range m.Funcs {
		if f.Name != "" {
			out = append(out, slices.Concat(sized([]byte(f.Name)), []byte{0}, unsigned(uint64(len(m.Imports)+i))))
		}
	}
	return out
}

// code is a body without locals.
func code(f Func) []byte { return sized(slices.Concat([]byte{0}, f.Body, []byte{0x0b})) }

func (m Module) data() (out [][]byte) {
	for _, addr := range slices.Sorted(maps.Keys(m.Data)) {
		out = append(out, slices.Concat([]byte{0}, Const(addr), []byte{0x0b}, sized(m.Data[addr])))
	}
	return out
}

// section appends a section that has content.
func section(out []byte, id byte, content []byte) []byte {
	if len(content) == 0 {
		return out
	}
	return slices.Concat(out, []byte{id}, sized(content))
}

// vector is entries with their number in front; nothing if there are none.
func vector(entries [][]byte) []byte {
	if len(entries) == 0 {
		return nil
	}
	return slices.Concat(unsigned(uint64(len(entries))), slices.Concat(entries...))
}

func sized(b []byte) []byte { return append(unsigned(uint64(len(b))), b...) }

// unsigned is LEB128.
func unsigned(n uint64) (out []byte) {
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

// signed is signed LEB128.
func signed(n int64) (out []byte) {
	for ; n < -64 || n > 63; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n)&0x7f)
}
