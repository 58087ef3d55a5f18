// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// refused checks the whole message, after "not a usable module: ".
func refused(t *testing.T, module []byte, opts verify.Options, want string) {
	t.Helper()
	report, err := verify.Check(module, opts)
	if err == nil {
		t.Fatalf("Check = %v, want %q", report, want)
	}
	if diff := cmp.Diff("not a usable module: "+want, err.Error()); diff != "" {
		t.Errorf("error (-want,+got):\n%s", diff)
	}
	if !errors.Is(err, verify.ErrModule) {
		t.Error("the error is not ErrModule")
	}
}

func TestOtherThanModules(t *testing.T) {
	const (
		reactor = ": build for WebAssembly instead (Go: GOOS=wasip1 GOARCH=wasm -buildmode=c-shared)"
		text    = "it is a module's text: translate it (wat2wasm, or wasm-tools parse)"
		core    = "; build a core module instead (Go: -buildmode=c-shared with GOOS=wasip1)"
	)
	for name, tc := range map[string]struct{ file, want string }{
		"empty":          {"", "it is empty"},
		"yaml":           {"apiVersion: v1", `it does not start with the Wasm header \0asm; it starts with "apiVersi"`},
		"short":          {"\x00as", `it does not start with the Wasm header \0asm; it starts with "\x00as"`},
		"header cut":     {"\x00asm\x01\x00", `it does not start with the Wasm header \0asm; it starts with "\x00asm\x01\x00"`},
		"future":         {"\x00asm\x02\x00\x00\x00", "it has version 0x02000000 of the binary format, the only one there is is 1"},
		"component":      {"\x00asm\x0d\x00\x01\x00rest", "this is a component" + core},
		"component text": {"(component)", "it is a component's text: build a core module instead (Go: -buildmode=c-shared with GOOS=wasip1)"},
		"text":           {"\n  (module (func))", text},
		"commented text": {";; policy\n(module)", text},
		"gzip":           {"\x1f\x8b\x08", "it is compressed with gzip: a module comes as it is; decompress it"},
		"zstd":           {"\x28\xb5\x2f\xfd", "it is compressed with zstd: a module comes as it is; decompress it"},
		"zip":            {"PK\x03\x04", "it is a zip archive: extract the module"},
		"elf":            {"\x7fELF\x02", "it is an ELF binary" + reactor},
		"mach-o":         {"\xcf\xfa\xed\xfe", "it is a Mach-O binary" + reactor},
		"windows":        {"MZ\x90", "it is a Windows binary" + reactor},
		"bitcode":        {"BC\xc0\xde", "it is LLVM bitcode: link it to a module"},
		"archive":        {"!<arch>\nx", "it is a static library: link it to a module"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, []byte(tc.file), verify.Options{}, tc.want) })
	}
}

var (
	// types is () -> () and (i32) -> (i32).
	types    = wt.Section(wt.SectionType, []byte{2, 0x60, 0, 0, 0x60, 1, wt.I32, 1, wt.I32})
	oneFunc  = wt.Section(wt.SectionFunction, []byte{1, 0})
	oneTable = wt.Section(wt.SectionTable, []byte{1, wt.FuncRef, 0, 1})
	onePage  = wt.Section(wt.SectionMemory, []byte{1, 0, 1})
	oneBody  = wt.Section(wt.SectionCode, []byte{1, 2, 0, 0x0b})
)

func TestSectionsAreChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		module []byte
		want   string
	}{
		"section out of order": {wt.Raw(onePage, oneTable), "at byte 0xd: table section repeated or out of order"},
		"section twice":        {wt.Raw(types, types), "at byte 0x13: type section repeated or out of order"},
		"section too long":     {wt.Raw(wt.Section(wt.SectionType, []byte{0, 0})), "type section: at byte 0xb: type section ends 1 bytes before its declared size"},
		"unknown section":      {wt.Raw(wt.Section(14)), "at byte 0x8: there is no section with the ID 14"},
		"not a type":           {wt.Raw(wt.Section(wt.SectionType, []byte{1, 0x61, 0, 0})), "type section: at byte 0xb: 0x61 is not a function type"},
		"imported memory": {
			wt.Raw(wt.Section(wt.SectionImport, []byte{1}, wt.Text("env"), wt.Text("memory"), []byte{2, 0, 1})),
			"import section: at byte 0xb: it imports the memory env.memory: define it in the module",
		},
		"imported table": {
			wt.Raw(wt.Section(wt.SectionImport, []byte{1}, wt.Text("env"), wt.Text("t"), []byte{1, wt.FuncRef, 0, 1})),
			"import section: at byte 0xb: it imports the table env.t: define it in the module",
		},
		"imported global": {
			wt.Raw(wt.Section(wt.SectionImport, []byte{1}, wt.Text("env"), wt.Text("g\n"), []byte{3, wt.I32, 0})),
			`import section: at byte 0xb: it imports the global env."g\n": define it in the module`,
		},
		"import of no type": {
			wt.Raw(types, wt.Section(wt.SectionImport, []byte{1}, wt.Text("a"), wt.Text("b"), []byte{0, 2})),
			"import section: at byte 0x16: there is no type 2; there are 2",
		},
		"import name not UTF-8": {
			wt.Raw(wt.Section(wt.SectionImport, []byte{1}, wt.Text("\xff"), wt.Text(""), []byte{0, 0})),
			"import section: at byte 0xb: name is not UTF-8",
		},
		"function of no type":  {wt.Raw(types, wt.Section(wt.SectionFunction, []byte{1, 2})), "function section: at byte 0x16: there is no type 2; there are 2"},
		"functions undefined":  {wt.Raw(types, oneFunc), "1 functions are declared and 0 defined"},
		"functions undeclared": {wt.Raw(types, oneBody), "code section: at byte 0x16: 0 functions are declared and 1 defined"},
		"two memories":         {wt.Raw(wt.Section(wt.SectionMemory, []byte{2, 0, 1, 0, 1})), "memory section: at byte 0xa: 2 memories (multiple memories are not supported), the limit is 1"},
		"memory maximum": {
			wt.Raw(wt.Section(wt.SectionMemory, []byte{1, 1, 1}, wt.U32(1<<16+1))),
			"memory section: at byte 0xb: memory of more than 65536 pages, which is all that 32 bits address",
		},
		"memory limits": {wt.Raw(wt.Section(wt.SectionMemory, []byte{1, 1, 2, 1})), "memory section: at byte 0xb: the maximum 1 is less than the minimum 2"},
		"table of numbers": {
			wt.Raw(wt.Section(wt.SectionTable, []byte{1, wt.I32, 0, 1})), "table section: at byte 0xb: i32 is not a reference type",
		},
		"global of a global": {
			wt.Raw(wt.Section(wt.SectionGlobal, []byte{1, wt.I32, 0, 0x23, 0, 0x0b})),
			"global section: at byte 0xd: constant expression of global 0: only imported globals could be read there, and no globals can be imported",
		},
		"global of no function": {
			wt.Raw(wt.Section(wt.SectionGlobal, []byte{1, wt.FuncRef, 0, 0xd2, 0, 0x0b})), "global section: at byte 0xd: there is no function 0; there are 0",
		},
		"global that computes": {
			wt.Raw(wt.Section(wt.SectionGlobal, []byte{1, wt.I32, 0, 0x41, 0, 0x41, 0, 0x6a, 0x0b})),
			"global section: at byte 0xf: a constant expression of more than one instruction needs extended constant expressions, which is not supported; build without -mextended-const",
		},
		"export of no function": {wt.Raw(wt.Section(wt.SectionExport, []byte{1}, wt.Text("f"), []byte{0, 0})), "export section: at byte 0xb: there is no function 0; there are 0"},
		"export of no memory":   {wt.Raw(wt.Section(wt.SectionExport, []byte{1}, wt.Text("m"), []byte{2, 0})), "export section: at byte 0xb: there is no memory 0; there are 0"},
		"export twice": {
			wt.Raw(onePage, wt.Section(wt.SectionExport, []byte{2}, wt.Text("m"), []byte{2, 0}, wt.Text("m"), []byte{2, 0})),
			`export section: at byte 0x14: m is exported twice`,
		},
		"no start function": {wt.Raw(wt.Section(wt.SectionStart, []byte{0})), "start section: at byte 0xa: there is no function 0; there are 0"},
		"start with a parameter": {
			wt.Raw(types, wt.Section(wt.SectionFunction, []byte{1, 1}), wt.Section(wt.SectionStart, []byte{0})),
			"start section: at byte 0x19: start function 0 is (i32) -> (i32), want () -> ()",
		},
		"element of no table": {
			wt.Raw(types, oneFunc, wt.Section(wt.SectionElement, []byte{1, 0, 0x41, 0, 0x0b, 1, 0})), "element section: at byte 0x1a: there is no table 0; there are 0",
		},
		"element of no function": {
			wt.Raw(types, oneFunc, oneTable, wt.Section(wt.SectionElement, []byte{1, 0, 0x41, 0, 0x0b, 1, 1})), "element section: at byte 0x25: there is no function 1; there are 1",
		},
		"element of no offset": {
			wt.Raw(types, oneFunc, oneTable, wt.Section(wt.SectionElement, []byte{1, 0, 0x23, 0, 0x0b, 1, 1})),
			"element section: at byte 0x21: constant expression of global 0: only imported globals could be read there, and no globals can be imported",
		},
		"data without memory": {wt.Raw(wt.Section(wt.SectionData, []byte{1, 0, 0x41, 0, 0x0b, 0})), "data section: at byte 0xb: data without a memory"},
		"data for memory 1": {
			wt.Raw(onePage, wt.Section(wt.SectionData, []byte{1, 2, 1, 0x41, 0, 0x0b, 0})),
			"data section: at byte 0x10: data for memory 1 needs multiple memories, which is not supported; build with one memory",
		},
		"data count": {
			wt.Raw(wt.Section(wt.SectionDataCount, []byte{2}), wt.Section(wt.SectionData, []byte{1, 1, 0})), "2 data segments are declared and 1 defined",
		},
		"two name sections":  {wt.Raw(wt.CustomSection("name"), wt.CustomSection("name")), `custom section: at byte 0xf: there are two custom sections "name"`},
		"names twice":        {wt.Raw(wt.CustomSection("name", []byte{1, 1, 0, 1, 1, 0})), "custom section: at byte 0x12: names of kind 1 repeated or out of order"},
		"name not UTF-8":     {wt.Raw(wt.CustomSection("name", []byte{0, 2, 1, 0xff})), "custom section: names of kind 0: at byte 0x11: name is not UTF-8"},
		"names with more":    {wt.Raw(wt.CustomSection("name", []byte{1, 2, 0, 0})), "custom section: names of kind 1: at byte 0x12: it ends 1 bytes before its declared size"},
		"producers cut":      {wt.Raw(wt.CustomSection("producers", []byte{1, 1, 'x'})), "custom section: at byte 0x17: unexpected end"},
		"custom name cut":    {wt.Raw(wt.Section(wt.SectionCustom, []byte{2, 'x'})), "at byte 0xb: 2 bytes declared, 1 left"},
		"LEB128 too long":    {wt.Raw([]byte{wt.SectionType, 0x80, 0x80, 0x80, 0x80, 0x10}), "at byte 0x9: number does not fit in 32 bits"},
		"module of 33 MiB":   {wt.Raw(wt.CustomSection("x", make([]byte, 33<<20))), "34603023 bytes, the limit is 33554432"},
		"custom of 17 MiB":   {wt.Raw(wt.CustomSection("x", make([]byte, 17<<20))), "custom section: at byte 0xf: 17825799 bytes of custom sections, the limit is 16777216: build without debug information (Go: -ldflags=-w)"},
		"many params":        {wt.Raw(wt.Section(wt.SectionType, []byte{1, 0x60}, wt.Many(1001, wt.I32), []byte{0})), "type section: at byte 0xc: type 0 has 1001 parameters, the limit is 1000"},
		"many results":       {wt.Raw(wt.Section(wt.SectionType, []byte{1, 0x60, 0}, wt.Many(1001, wt.I32))), "type section: at byte 0xc: type 0 has 1001 results, the limit is 1000"},
		"long name":          {wt.Raw(onePage, wt.Section(wt.SectionExport, []byte{1}, wt.Text(string(bytes.Repeat([]byte("x"), 1001))), []byte{2, 0})), "export section: at byte 0x11: name of 1001 bytes, the limit is 1000"},
		"many table entries": {wt.Raw(wt.Section(wt.SectionTable, []byte{2, wt.FuncRef, 0}, wt.U32(1<<18), []byte{wt.FuncRef, 0, 1})), "table section: at byte 0x10: 262145 table entries, the limit is 262144"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.module, verify.Options{}, tc.want) })
	}
}

func TestFeaturesAreRefusedByName(t *testing.T) {
	code := func(code ...byte) []byte {
		return wt.Raw(types, oneFunc, onePage, wt.Section(wt.SectionCode, []byte{1, byte(len(code) + 2), 0}, code, []byte{0x0b}))
	}
	for name, tc := range map[string]struct {
		module []byte
		want   string
	}{
		"threads":      {code(0xfe, 0x03, 0), "code section: function 0: at byte 0x21: opcode 0xfe needs threads, which is not supported; build without -pthread, -matomics and shared memory"},
		"shared":       {wt.Raw(wt.Section(wt.SectionMemory, []byte{1, 3, 1, 1})), "memory section: at byte 0xb: limits with the flags 0x3 needs threads, which is not supported; build without -pthread, -matomics and shared memory"},
		"tail calls":   {code(0x12, 0), "code section: function 0: at byte 0x21: opcode 0x12 needs tail calls, which is not supported; build without -mtail-call"},
		"exceptions":   {code(0x08, 0), "code section: function 0: at byte 0x21: opcode 0x8 needs exception handling, which is not supported; build with -fno-exceptions"},
		"tags":         {wt.Raw(wt.Section(13, []byte{1, 0, 0})), "at byte 0x8: a tag section needs exception handling, which is not supported; build with -fno-exceptions"},
		"gc":           {code(0xfb, 0), "code section: function 0: at byte 0x21: opcode 0xfb needs garbage collection, which is not supported; languages that need it (Kotlin, Dart, Java) cannot be used"},
		"func refs":    {code(0x14, 0), "code section: function 0: at byte 0x21: opcode 0x14 needs typed function references, which is not supported; build for WebAssembly 2.0"},
		"relaxed SIMD": {code(0xfd, 0x80, 0x02), "code section: function 0: at byte 0x21: opcode 0xfd 0x100 needs relaxed SIMD, which is not supported; build without -mrelaxed-simd"},
		"memory64":     {wt.Raw(wt.Section(wt.SectionMemory, []byte{1, 4, 1})), "memory section: at byte 0xb: limits with the flags 0x4 needs memory64, which is not supported; build for wasm32 instead of wasm64"},
		"multi-memory": {code(0x3f, 1), "code section: function 0: at byte 0x22: memory.size with memory 0x1 needs multiple memories, which is not supported; build with one memory"},
		"table.grow": {
			code(0xfc, 0x0f, 0), "code section: function 0: at byte 0x21: table.grow is refused: a table keeps the size that it is declared with",
		},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.module, verify.Options{}, tc.want) })
	}
}
