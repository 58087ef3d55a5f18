// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// rich is a small policy with something in every section.
func rich() []byte {
	p := wt.NewPolicy()
	p.Import("stowage", "log", 3)
	p.Import(wasi, "proc_exit", 1)
	p.MaxPages = 64
	p.Tables = []wt.Table{{Min: 2, Max: 3}}
	p.Globals = []wt.Global{{Type: wt.I32, Mutable: true, Init: wt.Const(1)}, {Type: wt.I64, Init: wt.Const64(-1)}}
	p.Elements = []wt.Elements{{Funcs: []uint32{2, 3}}}
	p.Passive = [][]byte{[]byte("passive")}
	p.Define(wt.Func{
		Params: []byte{wt.I32, wt.F64}, Results: []byte{wt.I32}, Locals: []wt.Locals{{Count: 2, Type: wt.I64}, {Count: 3, Type: wt.I32}},
		Body: wt.Code(
			wt.Block(wt.Loop(wt.Param(0), wt.BrIf(0), wt.Param(4), wt.BrIf(1), wt.Param(0), wt.BrTable(0, 1))),
			wt.Param(0), wt.If(wt.Store(8, 1), wt.Else(), wt.GlobalGet(0), wt.GlobalSet(0)),
			wt.Const(64), wt.Const(0), wt.Const(7), wt.MemoryInit(1), []byte{0xfc, 0x09, 1},
			wt.Const(64), wt.Const(0), wt.Const(7), wt.MemoryCopy(), []byte{0xfd, 0x0c}, make([]byte, 16), wt.Drop(),
			wt.FuncOf(3), wt.Drop(), []byte{0xfc, 0x10, 0}, wt.Drop(), wt.Const(1), wt.Grow(), wt.Drop(),
			wt.Const(0), wt.Param(1), wt.Const(1), wt.CallIndirect(2, 0)),
	})
	p.Start = p.Define(wt.Func{}) + 1
	p.Customs = []wt.Custom{
		{Name: "name", Content: wt.Code([]byte{0, 2}, wt.Text("m"), []byte{1, 7, 2, 2}, wt.Text("f"), []byte{3}, wt.Text("g"), []byte{2, 6, 1, 2, 1, 0}, wt.Text("x"))},
		{Name: "producers", Content: wt.Code([]byte{1}, wt.Text("language"), []byte{1}, wt.Text("C"), wt.Text("17"))},
	}
	return p.Bytes()
}

func TestRichIsAccepted(t *testing.T) {
	report, err := verify.Check(rich(), inspect)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(report.CustomSections); got != 2 {
		t.Errorf("%d custom sections, want 2", got)
	}
	if err := newCompiler(t).compile(rich()); err != nil {
		t.Error(err)
	}
}

var inspect = verify.Options{Imports: offered(), Inspect: true}

func TestTruncatedModulesAreRefused(t *testing.T) {
	module := rich()
	c := newCompiler(t)
	for n := range module {
		// Without its last custom sections it is whole.
		if accepted(t, module[:n]) {
			if err := c.compile(module[:n]); err != nil {
				t.Errorf("%d of %d bytes: accepted, but %v", n, len(module), err)
			}
		}
	}
}

// Check answers whatever a byte is changed to, and what it accepts does not harm the compiler.
func TestMutatedModules(t *testing.T) {
	c := newCompiler(t)
	module := rich()
	compiled := 0
	for i, was := range module {
		for value := range 256 {
			module[i] = byte(value)
			if accepted(t, module) && interesting(was, byte(value)) {
				// It may refuse what is wrong with the types of operands.
				_ = c.compile(module)
				compiled++
			}
		}
		module[i] = was
	}
	t.Logf("%d bytes, %d compiled", len(module), compiled)
}

// interesting is the values that are worth the time of compiling.
func interesting(was, value byte) bool {
	return slices.Contains([]byte{was ^ 1, was + 1, was ^ 0x80, 0, 1, 0x40, 0x7f, 0xff}, value)
}

func accepted(t *testing.T, module []byte) bool {
	t.Helper()
	report, err := verify.Check(module, inspect)
	if err != nil && (!errors.Is(err, verify.ErrModule) || report != nil) {
		t.Fatalf("Check = %v, %v", report, err)
	}
	return err == nil
}

// compiler is wazero as the engine configures it.
type compiler struct {
	t       testing.TB
	runtime wazero.Runtime
}

func newCompiler(t testing.TB) *compiler {
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfig())
	t.Cleanup(func() { _ = r.Close(t.Context()) })
	return &compiler{t, r}
}

// compile compiles what Check accepted, in a moderate amount of memory.
func (c *compiler) compile(module []byte) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := c.runtimeCompile(module)
	runtime.ReadMemStats(&after)
	if got, limit := after.TotalAlloc-before.TotalAlloc, 256<<20+1000*uint64(len(module)); got > limit {
		c.t.Errorf("compiling %d bytes allocated %d, more than %d", len(module), got, limit)
	}
	return err
}

func (c *compiler) runtimeCompile(module []byte) error {
	m, err := c.runtime.CompileModule(c.t.Context(), module)
	if err != nil {
		return err
	}
	return m.Close(c.t.Context())
}
