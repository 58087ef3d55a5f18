// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// TestEverythingEnds runs guests that would not end, or not soon.
func TestEverythingEnds(t *testing.T) {
	self := wt.Call(0)
	recursion := func(body ...[]byte) wt.Module {
		return f(append([][]byte{wt.Param(0), wt.Param(1), self, wt.Drop()}, append(body, wt.Const(1))...)...)
	}
	mutual := f(wt.Param(0), wt.Param(1), wt.Call(1))
	mutual.Funcs = append(mutual.Funcs, f(wt.Param(0), wt.Param(1), wt.Call(0)).Funcs[0])
	mutual.Funcs[1].Name = ""
	indirect := f(wt.Param(0), wt.Param(1), wt.Const(0), wt.CallIndirect(0, 0))
	indirect.Tables, indirect.Elements = []wt.Table{{Min: 1}}, []wt.Elements{{Funcs: []uint32{0}}}
	const fuel, stack, trap = "fuel exhausted", "unreachable, stack", "out of bounds memory access"
	tests := map[string]struct {
		module wt.Module
		want   string
	}{
		"empty loop":                {f(wt.Loop(wt.Br(0)), wt.Unreachable()), fuel},
		"loop by br_if":             {f(wt.Loop(wt.Const(1), wt.BrIf(0)), wt.Const(1)), fuel},
		"loop by br_table":          {f(wt.Loop(wt.Const(1), wt.BrTable(0, 0, 0)), wt.Const(1)), fuel},
		"nested loops":              {f(wt.Loop(wt.Loop(wt.Br(1))), wt.Unreachable()), fuel},
		"loop in a loop that ends":  {f(wt.Loop(count(), wt.Br(0)), wt.Unreachable()), fuel},
		"loop that calls":           {loopThatCalls(), fuel},
		"loop that calls the host":  {loopThatCallsHost(), fuel},
		"loop with a result":        {f([]byte{0x03, wt.I32}, wt.Br(0), []byte{0x0b}), fuel},
		"loop that fills":           {f(wt.Loop(wt.Const(0), wt.Const(0), wt.Const(1<<16), wt.MemoryFill(), wt.Br(0)), wt.Unreachable()), fuel},
		"one of many loops":         {f(repeat(100, count()), repeat(100, wt.Loop(wt.Const(0), wt.BrIf(0))), wt.Loop(wt.Br(0)), wt.Unreachable()), fuel},
		"loop that grows":           {f(wt.Loop(wt.Const(0), wt.Grow(), wt.Drop(), wt.Br(0)), wt.Unreachable()), fuel},
		"fill more than there is":   {f(wt.Const(0), wt.Const(0), wt.Const(1<<17), wt.MemoryFill(), wt.Const(0)), trap},
		"recursion":                 {recursion(), stack},
		"recursion with operands":   {f(repeat(200, wt.Const(1)), wt.Param(0), wt.Param(1), self, repeat(200, wt.Add())), stack},
		"mutual recursion":          {mutual, stack},
		"indirect recursion":        {indirect, stack},
		"exponential tree of calls": {exponential(60), fuel},
		"long straight code":        {longCode(), fuel},
	}
	for name, tc := range tests {
		for engine, config := range map[string]wazero.RuntimeConfig{
			"compiler": wazero.NewRuntimeConfigCompiler(), "interpreter": wazero.NewRuntimeConfigInterpreter(),
		} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				g, err := start(t, config, inject(t, tc.module.Bytes()), 2_000_000, 100_000)
				if err != nil {
					t.Fatal(err)
				}
				_, err = g.call("f", 1_000_000, 0)
				// The interpreter has a limit of its own to the depth of calls.
				overflow := engine == "interpreter" && tc.want == stack && kindOf(err) == "wasm error: stack overflow"
				if err == nil || !overflow && !strings.Contains(ended(g, err), tc.want) {
					t.Errorf("ended with %q, want %q", ended(g, err), tc.want)
				}
			})
		}
	}
}

// ended is why a call ended, with what the host learns from the counters.
func ended(g *guest, err error) string {
	kind := kindOf(err)
	if g.stack() < 0 {
		kind += ", stack"
	}
	return kind
}

func loopThatCalls() wt.Module {
	m := calling(nil)
	m.Funcs[0].Body = wt.Code(wt.Loop(wt.Call(1), wt.Br(0)), wt.Unreachable())
	return m
}

func loopThatCallsHost() wt.Module {
	m := hostCall()
	m.Funcs[0].Body = wt.Code(wt.Loop(wt.Const(1), wt.Call(0), wt.Drop(), wt.Br(0)), wt.Unreachable())
	return m
}

// exponential is functions that each call the next one twice, without a loop.
func exponential(depth int) wt.Module {
	m := f(wt.Const(1))
	m.Funcs[0].Body = wt.Code(wt.Call(1), wt.Const(1))
	for i := range depth {
		next := uint32(i + 2)
		m.Funcs = append(m.Funcs, wt.Func{Body: wt.Code(wt.Call(next), wt.Call(next))})
	}
	m.Funcs = append(m.Funcs, wt.Func{Body: []byte{0x01}})
	return m
}

// longCode is a loop-free function of far more segments than a slice has fuel for, in a loop.
func longCode() wt.Module {
	m := f(wt.Loop(wt.Param(0), wt.Call(1), wt.Br(0)), wt.Unreachable())
	m.Funcs = append(m.Funcs, wt.Func{Params: []byte{wt.I32}, Body: repeat(1500, wt.Code(wt.Param(0), wt.If(repeat(20, wt.Store(8, 1)))))})
	return m
}

// TestStackIsGivenBack calls functions in every way that leaves them.
func TestStackIsGivenBack(t *testing.T) {
	// f recurses to the depth of its first argument and leaves in the way of the second.
	m := f([]byte{0x02, wt.I32}, wt.Block(wt.Block(
		wt.Param(0), wt.Not(), wt.BrIf(0),
		wt.Param(0), wt.Const(1), wt.Subtract(), wt.Param(1), wt.Call(0), wt.Drop(),
		wt.Param(1), wt.BrTable(0, 1),
	), wt.Const(1), wt.Return()), wt.Const(2), wt.Br(0), []byte{0x0b})
	g := instantiate(t, wazero.NewRuntimeConfigCompiler(), inject(t, m.Bytes()), plenty)
	for way := range uint64(3) {
		if _, err := g.call("f", 100, way); err != nil {
			t.Fatal(err)
		}
		if got := g.stack(); got != InitialStack {
			t.Errorf("way %d: %d bytes of stack are left, want %d", way, got, InitialStack)
		}
	}
}
