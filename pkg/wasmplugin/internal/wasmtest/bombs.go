// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmtest

import (
	"bytes"
	"slices"
)

// Header opens every core module.
const Header = "\x00asm\x01\x00\x00\x00"

// Sections of the binary format, by their numbers.
const (
	SectionCustom byte = iota
	SectionType
	SectionImport
	SectionFunction
	SectionTable
	SectionMemory
	SectionGlobal
	SectionExport
	SectionStart
	SectionElement
	SectionCode
	SectionData
	SectionDataCount
)

// Raw is a module of sections as they are, right or wrong.
func Raw(sections ...[]byte) []byte {
	return append([]byte(Header), slices.Concat(sections...)...)
}

// Section is one section with its true size.
func Section(id byte, content ...[]byte) []byte {
	return append([]byte{id}, sized(slices.Concat(content...))...)
}

// CustomSection is a custom section.
func CustomSection(name string, content ...[]byte) []byte {
	return Section(SectionCustom, Text(name), slices.Concat(content...))
}

// Text is a name: its length and its bytes.
func Text(s string) []byte { return sized([]byte(s)) }

// U32 is an unsigned LEB128 number.
func U32(n uint32) []byte { return unsigned(uint64(n)) }

// Many is a vector of n equal entries.
func Many(n int, entry ...byte) []byte {
	return append(unsigned(uint64(n)), bytes.Repeat(entry, n)...)
}

// Most is the largest count that a module can declare.
const Most uint32 = 1<<32 - 1

var (
	oneType = Section(SectionType, Many(1, 0x60, 0, 0))
	oneFunc = Section(SectionFunction, Many(1, 0))
	lies    = U32(Most)
)

// Lies is small modules that declare far more than they hold: what makes a decoder that
// believes them ask for gigabytes. None is valid.
func Lies() map[string][]byte {
	out := map[string][]byte{
		"params":            Raw(Section(SectionType, []byte{1, 0x60}, lies)),
		"results":           Raw(Section(SectionType, []byte{1, 0x60, 0}, lies)),
		"import module":     Raw(Section(SectionImport, []byte{1}, lies)),
		"import name":       Raw(Section(SectionImport, []byte{1, 1, 'a'}, lies)),
		"export name":       Raw(Section(SectionExport, []byte{1}, lies)),
		"custom name":       Raw(Section(SectionCustom, lies)),
		"section size":      Raw([]byte{SectionType}, lies),
		"custom size":       Raw([]byte{SectionCustom}, lies),
		"table of 2^27":     Raw(Section(SectionTable, []byte{1, 0x70, 0}, U32(1<<27))),
		"table maximum":     Raw(Section(SectionTable, []byte{1, 0x70, 1}, U32(1<<27), lies)),
		"memory of 4 GiB":   Raw(Section(SectionMemory, []byte{1, 0}, U32(1<<16))),
		"memory of 2^32-1":  Raw(Section(SectionMemory, []byte{1, 0}, lies)),
		"element functions": Raw(oneType, oneFunc, Section(SectionElement, []byte{1, 1, 0}, lies)),
		"element values":    Raw(oneType, oneFunc, Section(SectionElement, []byte{1, 5, 0x70}, lies)),
		"data bytes":        Raw(Section(SectionData, []byte{1, 1}, lies)),
		"body size":         Raw(oneType, oneFunc, Section(SectionCode, []byte{1}, lies)),
		"local groups":      body(lies),
		"locals":            body([]byte{1}, U32(Most-15), []byte{I32}, []byte{0x0b}),
		"locals in groups":  body([]byte{4}, bytes.Repeat(slices.Concat(U32(1<<30-1), []byte{I64}), 4), []byte{0x0b}),
		"br_table":          body([]byte{0, 0x41, 0, 0x0e}, lies, []byte{0x0b}),
		"select types":      body([]byte{0, 0x1c}, lies, []byte{0x0b}),
	}
	for name, id := range map[string]byte{
		"type": SectionType, "import": SectionImport, "function": SectionFunction, "table": SectionTable, "memory": SectionMemory,
		"global": SectionGlobal, "export": SectionExport, "element": SectionElement, "code": SectionCode, "data": SectionData,
	} {
		out[name+" count"] = Raw(Section(id, lies))
	}
	out["data count"] = Raw(Section(SectionDataCount, lies))
	for name, id := range map[string]byte{"module": 0, "functions": 1, "locals": 2} {
		out["names of "+name] = Raw(CustomSection("name", []byte{id}, sized(lies)))
		out["names of "+name+", size"] = Raw(CustomSection("name", []byte{id}, lies))
	}
	out["names of a function's locals"] = Raw(CustomSection("name", []byte{2}, sized(slices.Concat([]byte{1, 0}, lies))))
	out["producers"] = Raw(CustomSection("producers", lies))
	out["producers' values"] = Raw(CustomSection("producers", []byte{1}, Text("language"), lies))
	return out
}

// body is a module with one function of that code: locals and instructions.
func body(code ...[]byte) []byte {
	return Raw(oneType, oneFunc, Section(SectionCode, []byte{1}, sized(slices.Concat(code...))))
}

// withMemory is body with a memory.
func withMemory(code ...[]byte) []byte {
	return Raw(oneType, oneFunc, Section(SectionMemory, []byte{1, 0, 1}), Section(SectionCode, []byte{1}, sized(slices.Concat(code...))))
}

// Heavy is modules that are well-formed and hold what they declare, but make a compiler do
// work out of proportion to their size of about n bytes.
func Heavy(n int) map[string][]byte {
	return map[string][]byte{
		"empty functions": Raw(oneType, Section(SectionFunction, Many(n/4, 0)), Section(SectionCode, Many(n/4, 2, 0, 0x0b))),
		"functions full of locals": Raw(oneType, Section(SectionFunction, Many(n/8, 0)),
			Section(SectionCode, Many(n/8, append([]byte{6, 1}, slices.Concat(U32(49_999), []byte{I64, 0x0b})...)...))),
		"nested blocks": body([]byte{0}, bytes.Repeat([]byte{0x02, 0x40}, n/3), bytes.Repeat([]byte{0x0b}, n/3+1)),
		"nested loops":  body([]byte{1}, U32(100), []byte{I32}, bytes.Repeat([]byte{0x03, 0x40}, n/3), touch(100), bytes.Repeat([]byte{0x0b}, n/3+1)),
		"joins times locals": body([]byte{1}, U32(40_000), []byte{I32},
			bytes.Repeat([]byte{0x41, 0, 0x04, 0x40, 0x0b}, n/10), touch(uint32(min(n/10, 40_000))), []byte{0x0b}),
		"a long chain of blocks":  body([]byte{1, 1, I32}, bytes.Repeat([]byte{0x41, 0, 0x04, 0x40, 0x05, 0x0b}, n/6), touch(1), []byte{0x0b}),
		"branches to one block":   body([]byte{0, 0x02, 0x40}, bytes.Repeat([]byte{0x41, 0, 0x0d, 0}, n/4), []byte{0x0b, 0x0b}),
		"long branch table":       body([]byte{0, 0x02, 0x40, 0x41, 0, 0x0e}, Many(n, 0), []byte{0, 0x0b, 0x0b}),
		"a deep stack":            body([]byte{0}, bytes.Repeat([]byte{0x41, 0}, n/3), bytes.Repeat(Add(), n/3-1), Drop(), []byte{0x0b}),
		"accesses in many blocks": withMemory([]byte{0}, bytes.Repeat(Code(Load(8), BrIf(0)), n/7), []byte{0x0b}),
		"accesses":                withMemory([]byte{0}, bytes.Repeat(Store(8, 1), n/7), []byte{0x0b}),
		"divisions":               body([]byte{0}, bytes.Repeat(Code(Const(1), Const(1), Divide(), Drop()), n/6), []byte{0x0b}),
		"calls":                   body([]byte{0}, bytes.Repeat(Call(0), n/2), []byte{0x0b}),
		"many results":            calls(n, 900),
		"wide branch table":       wideTable(n, 900),
		"blocks with parameters":  wideBlocks(n, 900),
		"one huge type":           Raw(Section(SectionType, []byte{1, 0x60}, Many(n, I32), []byte{0})),
		"types":                   Raw(Section(SectionType, Many(n/3, 0x60, 0, 0))),
		"globals":                 Raw(Section(SectionGlobal, Many(n/5, I32, 0, 0x41, 0, 0x0b))),
		"tables":                  Raw(Section(SectionTable, Many(n/3, 0x70, 0, 0))),
		"empty data":              Raw(Section(SectionMemory, []byte{1, 0, 1}), Section(SectionData, Many(n/2, 1, 0))),
		"element entries":         Raw(oneType, oneFunc, Section(SectionElement, []byte{1, 1, 0}, Many(n, 0)), Section(SectionCode, Many(1, 2, 0, 0x0b))),
		"elements":                Raw(oneType, Section(SectionElement, Many(n/3, 1, 0, 0))),
		"exports":                 manyExports(n / 10),
		"custom sections":         Raw(bytes.Repeat(CustomSection("x"), n/4)),
		"names times functions":   manyNames(n / 10),
	}
}

// touch reads every local.
func touch(locals uint32) (out []byte) {
	for i := range locals {
		out = append(append(out, Param(i)...), Drop()...)
	}
	return out
}

// calls is a function that calls one with many results over and over.
func calls(n, results int) []byte {
	many := bytes.Repeat([]byte{0x41, 0}, results)
	callee := sized(slices.Concat([]byte{0}, many, []byte{0x0b}))
	caller := sized(slices.Concat([]byte{0}, bytes.Repeat(Call(0), n/2), Unreachable(), []byte{0x0b}))
	return Raw(
		Section(SectionType, []byte{2, 0x60, 0}, Many(results, I32), []byte{0x60, 0, 0}),
		Section(SectionFunction, []byte{2, 0, 1}), Section(SectionCode, []byte{2}, callee, caller))
}

// wideTable is a branch table to blocks with many results.
func wideTable(n, results int) []byte {
	block := []byte{0x02, 0} // of type 0
	return Raw(
		Section(SectionType, []byte{2, 0x60, 0}, Many(results, I32), []byte{0x60, 0, 0}),
		Section(SectionFunction, []byte{1, 0}),
		Section(SectionCode, []byte{1}, sized(slices.Concat([]byte{0}, block,
			bytes.Repeat([]byte{0x41, 0}, results+1), []byte{0x0e}, Many(n, 0), []byte{0, 0x0b, 0x0b}))))
}

// wideBlocks is blocks that take and leave many values, one after the other.
func wideBlocks(n, values int) []byte {
	return Raw(
		Section(SectionType, []byte{2, 0x60}, Many(values, I32), Many(values, I32), []byte{0x60, 0}, Many(values, I32)),
		Section(SectionFunction, []byte{1, 1}),
		Section(SectionCode, []byte{1}, sized(slices.Concat([]byte{0}, bytes.Repeat([]byte{0x41, 0}, values),
			bytes.Repeat([]byte{0x03, 0, 0x0b}, n/3), []byte{0x0b}))))
}

func manyExports(n int) []byte {
	var exports []byte
	for i := range n {
		exports = append(append(exports, Text(string(rune(0x10000+i)))...), 0, 0)
	}
	return Raw(oneType, oneFunc, Section(SectionExport, U32(uint32(n)), exports), Section(SectionCode, Many(1, 2, 0, 0x0b)))
}

// manyNames gives each of n functions a name for no local.
func manyNames(n int) []byte {
	var names []byte
	for i := range n {
		names = append(append(names, U32(uint32(i))...), 0)
	}
	return Raw(oneType, Section(SectionFunction, Many(n, 0)), Section(SectionCode, Many(n, 2, 0, 0x0b)),
		CustomSection("name", []byte{2}, sized(slices.Concat(U32(uint32(n)), names))))
}
