// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func TestBodiesAreChecked(t *testing.T) {
	repeat := func(n int, code ...[]byte) []byte { return bytes.Repeat(wt.Code(code...), n) }
	in := func(sections ...[]byte) func(...[]byte) []byte {
		return func(body ...[]byte) []byte {
			code := wt.Code(body...)
			return wt.Raw(types, wt.Code(sections...), wt.Section(wt.SectionCode, []byte{1}, wt.U32(uint32(len(code))), code))
		}
	}
	bare, table := in(oneFunc), in(oneFunc, oneTable)
	none, end := []byte{0}, []byte{0x0b}
	for name, tc := range map[string]struct {
		module []byte
		want   string
	}{
		"no end":           {bare(none, []byte{1}), "at byte 0x1d: unexpected end"},
		"end too early":    {bare(none, end, end), "at byte 0x1d: it ends 1 bytes before its declared size"},
		"block left open":  {bare(none, []byte{0x02, 0x40}, end), "at byte 0x1f: unexpected end"},
		"else without if":  {bare(none, []byte{0x02, 0x40}, wt.Else(), end, end), "at byte 0x1e: else without if"},
		"else twice":       {bare(none, wt.Const(0), wt.If(wt.Else(), wt.Else()), end), "at byte 0x21: else without if"},
		"block of no type": {bare(none, []byte{0x02, 2}, end, end), "at byte 0x1c: there is no type 2; there are 2"},
		"label":            {bare(none, wt.Br(1), end), "at byte 0x1c: there is no label 1; there are 1"},
		"br_if label":      {bare(none, wt.Const(0), wt.Block(wt.BrIf(2)), end), "at byte 0x20: there is no label 2; there are 2"},
		"br_table label":   {bare(none, wt.Const(0), wt.BrTable(0, 0, 7), end), "at byte 0x1e: there is no label 7; there are 1"},
		"local":            {bare([]byte{1, 2, wt.I32}, wt.Param(2), wt.Drop(), end), "at byte 0x1e: there is no local 2; there are 2"},
		"global":           {bare(none, wt.GlobalGet(0), wt.Drop(), end), "at byte 0x1c: there is no global 0; there are 0"},
		"function":         {bare(none, wt.Call(1), end), "at byte 0x1c: there is no function 1; there are 1"},
		"ref.func":         {bare(none, []byte{0xd2, 1}, wt.Drop(), end), "at byte 0x1c: there is no function 1; there are 1"},
		"type of a call":   {table(none, wt.Const(0), []byte{0x11, 2, 0}, end), "at byte 0x24: there is no type 2; there are 2"},
		"table of a call":  {bare(none, wt.Const(0), []byte{0x11, 0, 0}, end), "at byte 0x1e: there is no table 0; there are 0"},
		"table":            {bare(none, []byte{0xfc, 0x10, 0}, wt.Drop(), end), "at byte 0x1c: there is no table 0; there are 0"},
		"element segment":  {table(none, []byte{0xfc, 0x0d, 0}, end), "at byte 0x22: there is no element segment 0; there are 0"},
		"table.init":       {table(none, []byte{0xfc, 0x0c, 0, 0}, end), "at byte 0x22: there is no element segment 0; there are 0"},
		"table.copy":       {table(none, []byte{0xfc, 0x0e, 0, 1}, end), "at byte 0x22: there is no table 1; there are 1"},
		"load":             {bare(none, wt.Load(0), wt.Drop(), end), "at byte 0x1e: i32.load without a memory"},
		"memory.grow":      {bare(none, wt.Const(0), wt.Grow(), wt.Drop(), end), "at byte 0x1e: memory.grow without a memory"},
		"memory.fill":      {bare(none, []byte{0xfc, 0x0b, 0}, end), "at byte 0x1c: memory.fill without a memory"},
		"data.drop": {
			bare(none, []byte{0xfc, 0x09, 0}, end), "at byte 0x1c: data.drop without a data count section",
		},
		"memory.init": {
			in(oneFunc, onePage, wt.Section(wt.SectionDataCount, []byte{1}))(none, []byte{0xfc, 0x08, 1, 0}, end),
			"at byte 0x24: there is no data segment 1; there are 1",
		},
		"alignment": {
			in(oneFunc, onePage)(none, wt.Const(0), []byte{0x28, 3, 0}, wt.Drop(), end), "at byte 0x24: i32.load is aligned to 2^3 bytes, which is more than its size",
		},
		"locals":  {bare([]byte{2}, wt.U32(50_000), []byte{wt.I32, 1, wt.I64}, end), "at byte 0x1a: 50001 locals, the limit is 50000"},
		"nesting": {bare(none, repeat(10_000, []byte{0x02, 0x40}), repeat(10_001, end)), "at byte 0x4e3e: 10001 nested blocks, the limit is 10000"},
		"body":    {bare(none, repeat(1<<20, []byte{1}), end), "at byte 0x1c: 1048577 bytes of code in a function, the limit is 1048576"},
		"br_table": {
			bare(none, wt.Const(0), []byte{0x0e}, wt.Many(65_520, 0), none, end), "at byte 0x22: 65521 targets of a br_table, the limit is 65520",
		},
		"operand stack": {bare(none, repeat(10_001, wt.Const(0)), wt.Unreachable(), end), "at byte 0x1c: 10001 values on the operand stack, the limit is 10000"},
		"memory to compile": {
			bare(none, repeat(40_000, wt.Const(0), wt.BrIf(0)), end),
			"at byte 0x1c: compiling it is estimated to need 220002750 bytes of memory, the limit is 100663296: split the function",
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, tc.module, verify.Options{}, "code section: function 0: "+tc.want)
		})
	}
}

// A message calls a function by what it is exported as.
func TestFunctionsAreNamed(t *testing.T) {
	module := change(func(p *policy) { p.Body("stowage_filter", wt.Call(99)) })
	refused(t, module, verify.Options{}, "code section: function 3 (stowage_filter): at byte 0x101: there is no function 99; there are 8")
}

// Effort is that of all functions.
func TestEffortIsLimited(t *testing.T) {
	code := wt.Code([]byte{0}, bytes.Repeat(wt.Code(wt.Const(0), wt.BrIf(0)), 100), []byte{0x0b})
	bodies := func(n int) []byte {
		return wt.Raw(types, wt.Section(wt.SectionFunction, wt.Many(n, 0)), wt.Section(wt.SectionCode, wt.Many(n, wt.Code(wt.U32(uint32(len(code))), code)...)))
	}
	if err := verify.Structure(bodies(2)); err != nil {
		t.Fatal(err)
	}
	limits := verify.DefaultLimits()
	limits.Effort = 500_000
	refused(t, bodies(3), verify.Options{Limits: limits},
		"code section: function 2: at byte 0x345: compiling the module so far is estimated to take 606622 ns, the limit is 500000 ns: split large functions, or leave out what is not used")
}

// What a compiler has to remember is counted along the ways that it follows.
func TestWork(t *testing.T) {
	load := wt.Code(wt.Load(4), wt.Drop())
	for name, tc := range map[string]struct {
		body []byte
		want verify.Work
	}{
		"nothing":          {nil, verify.Work{Ends: 1}},
		"accesses":         {wt.Code(load, load), verify.Work{Ends: 1, Height: 1, Bounds: 2}},
		"block":            {wt.Code(load, wt.Block(load), load), verify.Work{Ends: 2, Height: 1, Bounds: 2 + 3}},
		"loop":             {wt.Code(load, wt.Loop(load), load), verify.Work{Ends: 4, Height: 1, Bounds: 1 + 2 + 3}},
		"if":               {wt.Code(load, wt.Const(0), wt.If(load, load), load), verify.Work{Ends: 4, Height: 1, Bounds: 1 + 3 + 2}},
		"if and else":      {wt.Code(wt.Const(0), wt.If(load, load, wt.Else(), load), load), verify.Work{Ends: 5, Height: 1, Bounds: 0 + 2 + 1 + 2}},
		"branch":           {wt.Block(load, wt.Br(0), load, load), verify.Work{Ends: 3, Height: 1, Bounds: 1 + 1}},
		"branch if":        {wt.Code(wt.Block(load, wt.Const(0), wt.BrIf(0), load), load), verify.Work{Ends: 4, Height: 1, Bounds: 1 + 2 + 2}},
		"branch to a loop": {wt.Loop(load, wt.Const(0), wt.BrIf(0), load), verify.Work{Ends: 6, Height: 1, Bounds: 0 + 1 + 2 + 2}},
		"branch table":     {wt.Block(wt.Block(wt.Const(0), wt.BrTable(0, 1, 1)), load), verify.Work{Ends: 6, Height: 1, Bounds: 1}},
		"return":           {wt.Code(load, wt.Return(), load), verify.Work{Ends: 2, Height: 1, Moved: 1, Bounds: 1}},
		"locals":           {wt.Code(wt.Param(0), wt.Set(3), wt.Param(3), wt.Drop()), verify.Work{Ends: 1, Height: 1, Locals: 2}},
		"call":             {wt.Code(wt.Const(0), wt.Call(0), wt.Drop()), verify.Work{Ends: 1, Height: 1, Moved: 2}},
		"block with a result": {
			wt.Code([]byte{0x02, wt.I32}, wt.Const(1), []byte{0x0b}, wt.Const(2), wt.Add(), wt.Drop()), verify.Work{Ends: 2, Height: 2, Moved: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			code := wt.Code([]byte{1, 3, wt.I32}, tc.body, wt.Param(0), []byte{0x0b})
			module := wt.Raw(types, wt.Section(wt.SectionFunction, []byte{1, 1}), onePage, wt.Section(wt.SectionCode, []byte{1}, wt.U32(uint32(len(code))), code))
			got, err := verify.WorkOf(module)
			if err != nil {
				t.Fatal(err)
			}
			// The function leaves its parameter.
			tc.want.Locals = max(tc.want.Locals, 1)
			tc.want.Height = max(tc.want.Height, 1)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("work (-want,+got):\n%s", diff)
			}
		})
	}
}
