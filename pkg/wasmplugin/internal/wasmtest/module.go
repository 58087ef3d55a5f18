// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import (
	"maps"
	"slices"
)

// Value types of Wasm.
const (
	I32     byte = 0x7f
	I64     byte = 0x7e
	F64     byte = 0x7c
	FuncRef byte = 0x70
)

// Module is a core module by its parts, for guests that no compiler would make. The zero value
// is the smallest module.
type Module struct {
	Imports []Import
	Funcs   []Func
	// Pages and MaxPages size the memory, exported as "memory"; no memory if Pages is 0, no
	// maximum if MaxPages is 0.
	Pages, MaxPages uint32
	Tables          []Table
	Globals         []Global
	Elements        []Elements
	// Data is memory content by address.
	Data map[uint32][]byte
	// Passive is content that memory.init copies. Its indices follow those of Data.
	Passive [][]byte
	// Start is 1 + the index of the function that runs on instantiation; 0: none.
	Start uint32
	// Customs come last.
	Customs []Custom
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
	Locals          []Locals
	Body            []byte
}

// Locals is Count local variables of a type. Their indices follow those of the parameters.
type Locals struct {
	Count uint32
	Type  byte
}

// Table is a table of function references; no maximum if Max is 0.
type Table struct{ Min, Max uint32 }

// Global is a variable that starts as the value of a constant expression.
type Global struct {
	Type    byte
	Mutable bool
	Init    []byte
}

// Elements is the functions that a table has from an offset.
type Elements struct {
	Table, Offset uint32
	Funcs         []uint32
}

// Custom is a custom section.
type Custom struct {
	Name    string
	Content []byte
}

// Bytes assembles the module.
func (m Module) Bytes() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = section(out, 1, vector(append(mapped(m.Imports, importType), mapped(m.Funcs, funcType)...)))
	out = section(out, 2, vector(m.imports()))
	out = section(out, 3, vector(m.typeIndexes()))
	out = section(out, 4, vector(mapped(m.Tables, table)))
	out = section(out, 5, m.memory())
	out = section(out, 6, vector(mapped(m.Globals, global)))
	out = section(out, 7, vector(m.exports()))
	if m.Start > 0 {
		out = section(out, 8, unsigned(uint64(m.Start-1)))
	}
	out = section(out, 9, vector(mapped(m.Elements, elements)))
	if len(m.Passive) > 0 {
		out = section(out, 12, unsigned(uint64(len(m.Data)+len(m.Passive))))
	}
	out = section(out, 10, vector(mapped(m.Funcs, code)))
	out = section(out, 11, vector(m.data()))
	for _, c := range m.Customs {
		out = section(out, 0, append(sized([]byte(c.Name)), c.Content...))
	}
	return out
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
	if m.Pages == 0 {
		return nil
	}
	return append([]byte{1}, limits(m.Pages, m.MaxPages)...)
}

func limits(minimum, maximum uint32) []byte {
	if maximum == 0 {
		return append([]byte{0}, unsigned(uint64(minimum))...)
	}
	return slices.Concat([]byte{1}, unsigned(uint64(minimum)), unsigned(uint64(maximum)))
}

func table(t Table) []byte { return append([]byte{FuncRef}, limits(t.Min, t.Max)...) }

func global(g Global) []byte {
	mutable := byte(0)
	if g.Mutable {
		mutable = 1
	}
	return slices.Concat([]byte{g.Type, mutable}, g.Init, []byte{0x0b})
}

func elements(e Elements) []byte {
	indices := vector(mapped(e.Funcs, func(f uint32) []byte { return unsigned(uint64(f)) }))
	if e.Table == 0 {
		return slices.Concat([]byte{0}, Const(e.Offset), []byte{0x0b}, indices)
	}
	return slices.Concat([]byte{2}, unsigned(uint64(e.Table)), Const(e.Offset), []byte{0x0b, 0}, indices)
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

func code(f Func) []byte {
	groups := mapped(f.Locals, func(l Locals) []byte { return append(unsigned(uint64(l.Count)), l.Type) })
	return sized(slices.Concat(unsigned(uint64(len(groups))), slices.Concat(groups...), f.Body, []byte{0x0b}))
}

func (m Module) data() (out [][]byte) {
	for _, addr := range slices.Sorted(maps.Keys(m.Data)) {
		out = append(out, slices.Concat([]byte{0}, Const(addr), []byte{0x0b}, sized(m.Data[addr])))
	}
	for _, content := range m.Passive {
		out = append(out, append([]byte{1}, sized(content)...))
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
