// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func compile(t *testing.T, wasm []byte, opts engine.Options) *engine.Module {
	t.Helper()
	m, err := engine.Compile(t.Context(), wasm, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestCompileSaysWhatIsWrong(t *testing.T) {
	type policy = wasmtest.Policy
	change := func(f func(*policy)) []byte {
		p := wasmtest.NewPolicy()
		f(p)
		return p.Bytes()
	}
	whole := wasmtest.NewPolicy().Bytes()
	for name, tc := range map[string]struct {
		wasm []byte
		want string
	}{
		"empty":  {nil, "not a usable module: it is empty"},
		"text":   {[]byte("apiVersion: v1"), `not a usable module: it does not start with the Wasm header \0asm; it starts with "apiVersi"`},
		"short":  {[]byte("\x00as"), `not a usable module: it does not start with the Wasm header \0asm; it starts with "\x00as"`},
		"gzip":   {[]byte("\x1f\x8b\x08"), `not a usable module: it does not start with the Wasm header \0asm; it starts with "\x1f\x8b\b"`},
		"future": {[]byte("\x00asm\x02\x00\x00\x00"), `not a usable module: it does not start with the Wasm header \0asm; it starts with "\x00asm\x02\x00\x00\x00"`},
		"component": {
			[]byte("\x00asm\x0d\x00\x01\x00rest"),
			"not a usable module: this is a component; build a core module instead (Go: -buildmode=c-shared with GOOS=wasip1)",
		},
		"truncated": {
			whole[:len(whole)-10],
			"not a usable module: compiling: section data: read data segment: read bytes for init: unexpected EOF",
		},
		"nothing but a header": {
			whole[:8], `not a usable module: it does not export its memory as "memory"`,
		},
		"unknown imports": {
			change(func(p *policy) {
				p.Import("env", "abort", 4)
				p.Import("stowage", "launch", 0)
				p.Import("stowage", "log", 3)
			}),
			"not a usable module: it imports env.abort, stowage.launch, which this host does not provide; it provides stowage.log and WASI preview 1",
		},
		"no describe": {
			change(func(p *policy) { p.Without(abi.ExportDescribe) }),
			`not a usable module: it does not export "stowage_describe"; build it with a Stowage SDK (see docs/abi.md)`,
		},
		"no configure": {
			change(func(p *policy) { p.Without(abi.ExportConfigure) }),
			`not a usable module: it does not export "stowage_configure"; build it with a Stowage SDK (see docs/abi.md)`,
		},
		"wrong parameters": {
			change(func(p *policy) {
				p.Without(abi.ExportFilter)
				p.Funcs = []wasmtest.Func{{Name: abi.ExportFilter, Params: []byte{wasmtest.I64, wasmtest.I32}, Results: []byte{wasmtest.I32}, Body: wasmtest.Const(0)}}
			}),
			`not a usable module: export "stowage_filter" is (i64, i32) -> (i32), want () -> (i32)`,
		},
		"wrong result": {
			change(func(p *policy) {
				p.Without(abi.ExportBuffer)
				p.Funcs = []wasmtest.Func{{Name: abi.ExportBuffer, Params: []byte{wasmtest.I32, wasmtest.I32}}}
			}),
			`not a usable module: export "stowage_buffer" is (i32, i32) -> (), want (i32, i32) -> (i32)`,
		},
		"bad code": {
			change(func(p *policy) { p.Body(abi.ExportFilter, wasmtest.Add()) }),
			"not a usable module: compiling: invalid function[3] export[\"stowage_filter\"]: cannot pop the 1st operand for i32.add: i32 missing",
		},
		"more memory than allowed": {
			change(func(p *policy) { p.Pages = 1<<14 + 1 }),
			"not a usable module: compiling: section memory: min 16385 pages (1 Gi) over limit of 16384 pages (1 Gi)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := engine.Compile(t.Context(), tc.wasm, engine.Options{})
			if err == nil {
				t.Fatalf("Compile = %v, want %q", m, tc.want)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("error (-want,+got):\n%s", diff)
			}
			if !errors.Is(err, engine.ErrModule) {
				t.Error("the error is not ErrModule")
			}
		})
	}
}

func TestExports(t *testing.T) {
	m := compile(t, wasmtest.NewPolicy().Without(abi.ExportScore).Bytes(), engine.Options{})
	for export, want := range map[string]bool{
		abi.ExportFilter: true, abi.ExportScore: false, abi.ExportMemory: false, "unknown": false,
	} {
		if got := m.Exports(export); got != want {
			t.Errorf("Exports(%q) = %t, want %t", export, got, want)
		}
	}
}
