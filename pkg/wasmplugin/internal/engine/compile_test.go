// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
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

// What verification leaves to the compiler is refused by it.
func TestCompileSaysWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		wasm []byte
		want string
	}{
		"no memory": {
			[]byte("\x00asm\x01\x00\x00\x00"), `not a usable module: it does not export its memory as "memory"`,
		},
		"operands of the wrong type": {
			wt.NewPolicy().Body(abi.ExportFilter, wt.Add()).Bytes(),
			"not a usable module: compiling: invalid function[3] export[\"stowage_filter\"]: cannot pop the 1st operand for i32.add: i32 missing",
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
	m := compile(t, wt.NewPolicy().Without(abi.ExportScore).Bytes(), engine.Options{})
	for export, want := range map[string]bool{
		abi.ExportFilter: true, abi.ExportScore: false, abi.ExportMemory: false, "unknown": false,
	} {
		if got := m.Exports(export); got != want {
			t.Errorf("Exports(%q) = %t, want %t", export, got, want)
		}
	}
}
