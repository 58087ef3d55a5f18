// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// TestIndicesFollowTheImport calls functions in every way that has their index in the module.
func TestIndicesFollowTheImport(t *testing.T) {
	m := hostCall()
	m.Funcs[0].Body = wt.Code(
		wt.Param(0), wt.CallIndirect(0, 0), // the host, of the table
		wt.Param(0), wt.CallIndirect(2, 0), // a function of the table
		wt.Call(2), // a function
		wt.GlobalGet(0),
		wt.Add(), wt.Add(), wt.Add(),
	)
	m.Funcs[0].Body = wt.Code(
		wt.Const(10), wt.Const(0), wt.CallIndirect(0, 0),
		wt.Const(1), wt.CallIndirect(2, 0), wt.Add(),
		wt.Call(2), wt.Add(),
		wt.GlobalGet(0), wt.Add(),
	)
	m.Funcs = append(m.Funcs, wt.Func{Results: []byte{wt.I32}, Body: wt.Const(1000)}, wt.Func{Body: wt.Code(wt.Const(5), wt.GlobalSet(0))})
	m.Tables, m.Elements = []wt.Table{{Min: 3}}, []wt.Elements{{Funcs: []uint32{0, 2}}}
	m.Globals = []wt.Global{{Type: wt.I32, Mutable: true, Init: wt.Const(1)}, {Type: wt.FuncRef, Init: []byte{0xd2, 2}}}
	m.Start = 4
	g := instantiate(t, wazero.NewRuntimeConfigCompiler(), inject(t, m.Bytes()), plenty)
	results, err := g.call("f", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint64{11 + 1000 + 1000 + 5}, results); diff != "" {
		t.Errorf("unexpected results (-want,+got):\n%s", diff)
	}
}

func TestStartAndInitializeAreMetered(t *testing.T) {
	endless := wt.Code(wt.Loop(wt.Br(0)), wt.Unreachable())
	byStart, byExport := f(wt.Const(1)), f(wt.Const(1))
	byStart.Funcs, byStart.Start = append(byStart.Funcs, wt.Func{Body: endless}), 2
	byExport.Funcs = append(byExport.Funcs, wt.Func{Name: "_initialize", Body: endless})
	deep := f(wt.Const(1))
	deep.Funcs, deep.Start = append(deep.Funcs, wt.Func{Body: wt.Call(1)}), 2
	tests := map[string]struct {
		module wt.Module
		want   string
	}{
		"start function":           {byStart, "fuel exhausted"},
		"start function, too deep": {deep, "wasm error: unreachable"},
		"_initialize":              {byExport, "fuel exhausted"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := start(t, wazero.NewRuntimeConfigCompiler(), inject(t, tc.module.Bytes()), 1_000_000, 1000)
			if got := kindOf(err); !strings.Contains(got, tc.want) {
				t.Errorf("ended with %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTraces(t *testing.T) {
	m := hostCall()
	m.Funcs[0].Body = wt.Code(wt.Call(3), wt.Const(1))
	m.Funcs = append(m.Funcs, wt.Func{Body: []byte{0x01}}, wt.Func{Body: wt.Call(4)}, wt.Func{Body: wt.Unreachable()})
	names := func(subsections ...[]byte) []wt.Custom {
		return []wt.Custom{{Name: "name", Content: slices.Concat(subsections...)}}
	}
	tests := map[string]struct {
		customs []wt.Custom
		want    []string
	}{
		"named": {names(
			[]byte{0, 4, 3, 'm', 'o', 'd'},
			[]byte{1, 21, 4, 1, 4, 'm', 'a', 'i', 'n', 2, 1, 'x', 3, 3, 'm', 'i', 'd', 4, 4, 't', 'r', 'a', 'p'},
		), []string{"mod.trap()", "mod.mid()", "mod.main(i32,i32) i32"}},
		"some named": {names([]byte{1, 7, 1, 4, 4, 't', 'r', 'a', 'p'}), []string{".trap()", ".$3()", ".$1(i32,i32) i32"}},
		"no names":   {nil, []string{".$4()", ".$3()", ".$1(i32,i32) i32"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			m.Customs = tc.customs
			for what, module := range map[string][]byte{"plain": m.Bytes(), "metered": inject(t, m.Bytes())} {
				_, err := instantiate(t, wazero.NewRuntimeConfigCompiler(), module, plenty).call("f", 0, 0)
				_, trace, _ := strings.Cut(err.Error(), "wasm stack trace:\n\t")
				if diff := cmp.Diff(tc.want, strings.Split(trace, "\n\t")); diff != "" {
					t.Errorf("%s: unexpected trace (-want,+got):\n%s", what, diff)
				}
			}
		})
	}
}

func TestCustomSections(t *testing.T) {
	m := f(wt.Const(1))
	m.Customs = []wt.Custom{{Name: "producers", Content: []byte{0}}, {Name: ".debug_info", Content: []byte{1, 2, 3}}, {Name: "other", Content: []byte("kept as it is")}, {Name: "name", Content: nil}}
	var got []string
	err := wasm.Sections(inject(t, m.Bytes()), func(s *wasm.Section) error {
		if s.ID == wasm.SectionCustom {
			got = append(got, s.Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"producers", "other", "name"}, got); diff != "" {
		t.Errorf("unexpected custom sections (-want,+got):\n%s", diff)
	}
}

func TestSmallestModule(t *testing.T) {
	g := instantiate(t, wazero.NewRuntimeConfigCompiler(), inject(t, []byte(wasm.Header)), 0)
	if got := []int64{g.used(), g.stack()}; !slices.Equal(got, []int64{0, InitialStack}) {
		t.Errorf("the counters are %d, want 0 and %d", got, InitialStack)
	}
}

func TestInjectRefuses(t *testing.T) {
	imports := f(wt.Const(1))
	imports.Imports = []wt.Import{{Module: ImportModule, Name: ImportRefuel}}
	exports := f(wt.Const(1))
	exports.Funcs[0].Name = ExportFuel
	starts := f(wt.Const(1))
	starts.Start = 2
	elements := f(wt.Const(1))
	elements.Tables, elements.Elements = []wt.Table{{Min: 1}}, []wt.Elements{{Funcs: []uint32{1}}}
	names := f(wt.Const(1))
	names.Customs = []wt.Custom{{Name: "name", Content: []byte{1, 3, 1, 0, 9}}}
	twice := f(wt.Const(1))
	twice.Customs = []wt.Custom{{Name: "name", Content: nil}, {Name: "name", Content: nil}}
	global := f(wt.Const(1))
	global.Globals = []wt.Global{{Type: wt.I64, Init: wt.GlobalGet(1)}}
	tests := map[string]struct {
		module []byte
		want   string
	}{
		"the import":         {imports.Bytes(), "metering: at byte 0x17: the module imports from stowage:meter, which is for the host alone"},
		"the export":         {exports.Bytes(), `metering: at byte 0x27: the module exports "stowage:meter/fuel"; names that start with stowage:meter are for the host alone`},
		"the fuel":           {f(wt.GlobalGet(0), wt.Drop(), wt.Const(1)).Bytes(), "metering: function 0: at byte 0x30: global.get of the global 0, which does not exist"},
		"the stack":          {f(wt.Const64(9), wt.GlobalSet(1), wt.Const(1)).Bytes(), "metering: function 0: at byte 0x32: global.set of the global 1, which does not exist"},
		"a global's":         {global.Bytes(), "metering: at byte 0x20: there is no global 1"},
		"refuel":             {f(wt.Call(1), wt.Const(1)).Bytes(), "metering: function 0: at byte 0x30: call of the function 1, which does not exist"},
		"refuel, by start":   {starts.Bytes(), "metering: at byte 0x2e: there is no function 1"},
		"refuel, in a table": {elements.Bytes(), "metering: at byte 0x3a: there is no function 1"},
		"refuel, by ref":     {f(wt.FuncOf(1), wt.Drop(), wt.Const(1)).Bytes(), "metering: function 0: at byte 0x30: ref.func of the function 1, which does not exist"},
		"a local":            {f(wt.Param(2), wt.Drop(), wt.Const(1)).Bytes(), "metering: function 0: at byte 0x30: local.get of the local 2, which does not exist"},
		"a label":            {f(wt.Br(1), wt.Const(1)).Bytes(), "metering: function 0: at byte 0x30: br to the label 1 of 1"},
		"a type":             {f([]byte{0x02, 1, 0x0b}, wt.Const(1)).Bytes(), "metering: function 0: at byte 0x30: block has the type 1, which does not exist"},
		"a type, indirectly": {f(wt.Const(0), wt.CallIndirect(1, 0), wt.Const(1)).Bytes(), "metering: function 0: at byte 0x32: call_indirect of the type 1, which does not exist"},
		"else without if":    {f([]byte{0x02, 0x40, 0x05, 0x0b}, wt.Const(1)).Bytes(), "metering: function 0: at byte 0x32: else without if"},
		"an open block":      {f([]byte{0x02, 0x40}, wt.Const(1)).Bytes(), "metering: function 0: at byte 0x34: the function's blocks do not end where its code does"},
		"names cut off":      {names.Bytes(), "metering: name section: at byte 0x3f: 9 bytes declared, 0 left"},
		"two name sections":  {twice.Bytes(), "metering: a second name section at byte 0x3a"},
		"a feature":          {f([]byte{0x12, 0}).Bytes(), "metering: function 0: at byte 0x30: opcode 0x12 needs tail calls, which is not supported"},
		"not a module":       {[]byte("(module)"), "metering: at byte 0x0: it does not start with the header of a core module"},
		"a lying count":      {[]byte(wasm.Header + "\x07\x05\xff\xff\xff\xff\x0f"), "metering: at byte 0xa: 4294967295 entries of at least 1 bytes declared, 0 bytes left"},
		"no bodies":          {[]byte(wasm.Header + "\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00"), "metering: 1 functions have 0 bodies"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Inject(tc.module)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("unexpected error (-want,+got):\n%s", diff)
			}
		})
	}
}
