// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"math"
	"strings"

	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// plain is a behaviour that needs nothing of the policy.
func plain(name string, want Outcome, code ...[]byte) behaviour {
	return behaviour{name: name, want: want, code: func(*wt.Policy) []byte { return wt.Code(code...) }}
}

// traps is each kind of trap.
func traps() []behaviour {
	// Truncation of an f64 to an i32.
	truncate := []byte{0xaa}
	return []behaviour{
		plain("unreachable", faults(trap), wt.Unreachable()),
		plain("division-by-zero", faults(trap), wt.Const(1), wt.Const(0), wt.Divide(), wt.Drop()),
		plain("division-overflow", faults(trap), wt.Const(1<<31), wt.Const(0xffffffff), wt.Divide(), wt.Drop()),
		plain("load-out-of-bounds", faults(trap), wt.Load(0xfffffff0), wt.Drop()),
		plain("load-across-the-end", faults(trap), wholeMemory(), wt.Const(3), wt.Subtract(), wt.LoadTop(), wt.Drop()),
		plain("store-out-of-bounds", faults(trap), wt.Store(0x7fffffff, 1)),
		plain("fill-out-of-bounds", faults(trap), wt.Const(1), wt.Const(0), wholeMemory(), wt.MemoryFill()),
		// Copying is paid for before it is tried.
		plain("copy-out-of-bounds", faults(trap, fuel), wt.Const(0), wt.Const(0), wt.Const(0xffffffff), wt.MemoryCopy()),
		plain("nan-to-integer", faults(trap), wt.ConstF64(math.NaN()), truncate, wt.Drop()),
		plain("infinity-to-integer", faults(trap), wt.ConstF64(math.Inf(1)), truncate, wt.Drop()),
		{name: "init-out-of-bounds", want: faults(trap), code: func(p *wt.Policy) []byte {
			p.Passive = [][]byte{[]byte("data")}
			return wt.Code(wt.Const(0), wt.Const(2), wt.Const(3), wt.MemoryInit(1))
		}},
		{name: "trap-with-forged-names", want: faults(trap), code: func(p *wt.Policy) []byte {
			f := p.Define(wt.Func{Body: wt.Unreachable()})
			names := wt.Code(wt.U32(1), wt.U32(f), wt.Text("f\n"+Forged+strings.Repeat(" and so on", 10_000)))
			p.Customs = append(p.Customs, wt.Custom{Name: "name", Content: append([]byte{1}, wt.Text(string(names))...)})
			return wt.Call(f)
		}},
		{name: "call-of-nothing", want: faults(trap), code: func(p *wt.Policy) []byte {
			f := p.Define(wt.Func{})
			p.Tables = []wt.Table{{Min: 1, Max: 1}}
			return wt.Code(wt.Const(0), wt.CallIndirect(f, 0))
		}},
		{name: "call-outside-of-the-table", want: faults(trap), code: func(p *wt.Policy) []byte {
			f := p.Define(wt.Func{})
			inTable(p, f)
			return wt.Code(wt.Const(0xffffffff), wt.CallIndirect(f, 0))
		}},
		{name: "call-with-another-signature", want: faults(trap), code: func(p *wt.Policy) []byte {
			f, other := p.Define(wt.Func{}), p.Define(wt.Func{Results: []byte{wt.I64}, Body: wt.Const64(0)})
			inTable(p, f)
			return wt.Code(wt.Const(0), wt.CallIndirect(other, 0), wt.Drop())
		}},
	}
}

// exits is a guest that ends itself, as languages do that have panics.
func exits() []behaviour {
	exiting := func(name string, code uint32) behaviour {
		return behaviour{name: name, want: faults(exit), code: func(p *wt.Policy) []byte {
			return wt.Code(wt.Const(code), wt.Call(wasi(p, "proc_exit", "i", "")))
		}}
	}
	return []behaviour{
		exiting("exit-0", 0), exiting("exit-1", 1), exiting("exit-giant", 0xffffffff),
		{name: "exit-after-a-long-speech", want: faults(exit), code: func(p *wt.Policy) []byte {
			exit, write := wasi(p, "proc_exit", "i", ""), wasi(p, "fd_write", "iiii", "i")
			return wt.Code(speech(p, write, 100), wt.Const(2), wt.Call(exit))
		}},
	}
}
