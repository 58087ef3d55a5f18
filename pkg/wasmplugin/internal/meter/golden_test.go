// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"testing"

	"github.com/tetratelabs/wazero"

	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// TestGolden pins what programs cost. Other numbers mean another Version.
func TestGolden(t *testing.T) {
	tests := map[string]struct {
		module   wt.Module
		argument uint64
		want     int64
	}{
		// const, end
		"constant": {module: f(wt.Const(1)), want: 1},
		// One unit for eight locals.
		"locals": {module: withLocals(17, wt.Const(1)), want: 3 + 1},
		// loop, get, const, add, tee, get, less, br_if for each turn; the get after the loop is
		// absorbed by the header, and so is paid for each turn.
		"loop of 10":   {module: f(count(), wt.Param(1)), argument: 10, want: 10 * (8 + 1)},
		"loop of 1000": {module: f(count(), wt.Param(1)), argument: 1000, want: 1000 * (8 + 1)},
		"division":     {module: f(wt.Const(7), wt.Const(2), wt.Divide()), want: 1 + 1 + 10},
		"memory":       {module: f(wt.Store(8, 1), wt.Load(8)), want: 2 + 2 + 1 + 2},
		// An arm of at most 128 units is absorbed: get, if, and 2 for store's constants and 2 for it.
		"short arm, not taken": {module: f(wt.Param(0), wt.If(wt.Store(8, 1)), wt.Const(1)), want: 3 + 4},
		"short arm, taken":     {module: f(wt.Param(0), wt.If(wt.Store(8, 1)), wt.Const(1)), argument: 1, want: 3 + 4},
		"long arm, not taken":  {module: f(wt.Param(0), wt.If(repeat(50, wt.Store(8, 1))), wt.Const(1)), want: 3},
		"long arm, taken":      {module: f(wt.Param(0), wt.If(repeat(50, wt.Store(8, 1))), wt.Const(1)), argument: 1, want: 3 + 50*4},
		// Code after a branch out of the function is conditional.
		"early return, taken":     {module: f(wt.Param(0), wt.If(wt.Const(1), wt.Return()), repeat(50, wt.Store(8, 1)), wt.Const(2)), argument: 1, want: 2 + 2},
		"early return, not taken": {module: f(wt.Param(0), wt.If(wt.Const(1), wt.Return()), repeat(50, wt.Store(8, 1)), wt.Const(2)), want: 2 + 2 + 50*4 + 1},
		"call of a function":      {module: calling(wt.Call(1)), want: 5 + 1 + 10*2},
		"call of the host":        {module: hostCall(), want: 1 + 100},
		// 4096 bytes at 16 a unit.
		"memory.fill":      {module: f(wt.Const(0), wt.Const(1), wt.Const(4096), wt.MemoryFill(), wt.Const(0)), want: 3 + 20 + 512 + 1},
		"memory.copy":      {module: f(wt.Const(0), wt.Const(1), wt.Const(15), wt.MemoryCopy(), wt.Const(0)), want: 3 + 20 + 1 + 1},
		"memory.grow":      {module: f(wt.Const(1), wt.Grow()), want: 1 + 100 + 8192},
		"memory.grow, not": {module: f(wt.Const(1<<16-1), wt.Grow()), want: 1 + 100},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			metered := inject(t, tc.module.Bytes())
			for _, config := range []wazero.RuntimeConfig{wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigInterpreter()} {
				g := instantiate(t, config, metered, plenty)
				if _, err := g.call("f", tc.argument, 0); err != nil {
					t.Fatal(err)
				}
				if got := g.used(); got != tc.want {
					t.Errorf("used %d units, want %d", got, tc.want)
				}
			}
		})
	}
}

// f is a module with a memory and a function f: (i32, i32) -> (i32).
func f(body ...[]byte) wt.Module {
	return wt.Module{Pages: 1, MaxPages: 2, Funcs: []wt.Func{{Name: "f", Params: []byte{wt.I32, wt.I32}, Results: []byte{wt.I32}, Body: wt.Code(body...)}}}
}

func withLocals(n uint32, body []byte) wt.Module {
	m := f(body)
	m.Funcs[0].Locals = []wt.Locals{{Count: n, Type: wt.I32}}
	return m
}

// count counts the second parameter up to the first.
func count() []byte {
	return wt.Loop(wt.Param(1), wt.Const(1), wt.Add(), wt.Tee(1), wt.Param(0), wt.Less(), wt.BrIf(0))
}

func repeat(n int, code []byte) (out []byte) {
	for range n {
		out = append(out, code...)
	}
	return out
}

// calling is a function f that runs some code, and a function 1 that drops ten constants.
func calling(code []byte) wt.Module {
	m := f(code, wt.Const(1))
	m.Funcs = append(m.Funcs, wt.Func{Body: wt.Code(repeat(10, wt.Code(wt.Const(1), wt.Drop())), []byte{0x01})})
	return m
}

func hostCall() wt.Module {
	m := f(wt.Const(1), wt.Call(0))
	m.Imports = []wt.Import{{Module: "host", Name: "increment", Params: []byte{wt.I32}, Results: []byte{wt.I32}}}
	return m
}
