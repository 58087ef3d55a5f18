// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"slices"
	"strings"

	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// outOfTime is what ends work without end: fuel, or the deadline if the machine is slow.
var outOfTime = faults(fuel, deadline)

// endless is work without end, or as good as, in constant stack.
func endless() []behaviour {
	return append(loops(), behaviour{name: "call-tree", want: outOfTime, code: callTree})
}

func loops() (out []behaviour) {
	helper := func(p *wt.Policy) uint32 { return p.Define(wt.Func{}) }
	for name, body := range map[string]func(p *wt.Policy) []byte{
		"empty-loop":  func(*wt.Policy) []byte { return wt.Br(0) },
		"nested-loop": func(*wt.Policy) []byte { return wt.Code(wt.Loop(wt.Const(0), wt.BrIf(0)), wt.Br(0)) },
		"branchy-loop": func(*wt.Policy) []byte {
			return wt.Block(wt.Block(wt.Const(1), wt.If(wt.Br(3)), wt.Br(1)), wt.Unreachable())
		},
		"table-loop":    func(*wt.Policy) []byte { return wt.Code(wt.Const(7), wt.BrTable(0, 0, 0)) },
		"counting-loop": func(p *wt.Policy) []byte { return wt.Code(counter(p), wt.Br(0)) },
		"storing-loop":  func(*wt.Policy) []byte { return wt.Code(wt.Store(wt.TextAt, 1), wt.Br(0)) },
		"calling-loop":  func(p *wt.Policy) []byte { return wt.Code(wt.Call(helper(p)), wt.Br(0)) },
		"indirectly-calling-loop": func(p *wt.Policy) []byte {
			f := helper(p)
			inTable(p, f)
			return wt.Code(wt.Const(0), wt.CallIndirect(f, 0), wt.Br(0))
		},
		"filling-loop": func(*wt.Policy) []byte {
			return wt.Code(wt.Const(0), wt.Load(0), wholeMemory(), wt.MemoryFill(), wt.Br(0))
		},
		"copying-loop": func(*wt.Policy) []byte {
			return wt.Code(wt.Const(0), wt.Const(0), wholeMemory(), wt.MemoryCopy(), wt.Br(0))
		},
		"initializing-loop": func(p *wt.Policy) []byte {
			p.Passive = append(p.Passive, make([]byte, 1<<16))
			return wt.Code(wt.Const(0), wt.Const(0), wt.Const(1<<16), wt.MemoryInit(1), wt.Br(0))
		},
		"table-filling-loop": func(p *wt.Policy) []byte {
			p.Tables = []wt.Table{{Min: 1000, Max: 1000}}
			return wt.Code(wt.Const(0), wt.NoFunc(), wt.Const(1000), wt.TableFill(0), wt.Br(0))
		},
		"table-copying-loop": func(p *wt.Policy) []byte {
			p.Tables = []wt.Table{{Min: 1000, Max: 1000}}
			return wt.Code(wt.Const(0), wt.Const(0), wt.Const(1000), wt.TableCopy(0), wt.Br(0))
		},
		"memory-size-loop": func(*wt.Policy) []byte { return wt.Code(wt.MemorySize(), wt.Drop(), wt.Br(0)) },
		"refused-growth-loop": func(*wt.Policy) []byte {
			return wt.Code(wt.Const(0xffff), wt.Grow(), wt.Drop(), wt.Br(0))
		},
	} {
		out = append(out, behaviour{name: name, want: outOfTime, code: func(p *wt.Policy) []byte { return wt.Loop(body(p)) }})
	}
	slices.SortFunc(out, func(a, b behaviour) int { return strings.Compare(a.name, b.name) })
	return out
}

// counter adds to a global variable.
func counter(p *wt.Policy) []byte {
	p.Globals = append(p.Globals, wt.Global{Type: wt.I32, Mutable: true, Init: wt.Const(0)})
	i := uint32(len(p.Globals) - 1)
	return wt.Code(wt.GlobalGet(i), wt.Const(1), wt.Add(), wt.GlobalSet(i))
}

func inTable(p *wt.Policy, funcs ...uint32) {
	p.Tables = []wt.Table{{Min: uint32(len(funcs)), Max: uint32(len(funcs))}}
	p.Elements = []wt.Elements{{Funcs: funcs}}
}

// callTree calls 2^60 functions without a loop and without recursion.
func callTree(p *wt.Policy) []byte {
	f := p.Define(wt.Func{})
	for range 60 {
		f = p.Define(wt.Func{Body: wt.Code(wt.Call(f), wt.Call(f))})
	}
	return wt.Call(f)
}

// recursions take stack without end. Each works after its call, so that it is no tail call.
func recursions() []behaviour {
	return []behaviour{
		{name: "recursion", want: faults(stack), code: func(p *wt.Policy) []byte {
			return wt.Call(recursive(p, nil, wt.Call))
		}},
		{name: "recursion-with-locals", want: faults(stack), code: func(p *wt.Policy) []byte {
			return wt.Call(recursive(p, []wt.Locals{{Count: 500, Type: wt.I64}}, wt.Call))
		}},
		// Clearing so many locals costs fuel, too.
		{name: "recursion-with-many-locals", want: faults(stack, fuel), code: func(p *wt.Policy) []byte {
			return wt.Call(recursive(p, []wt.Locals{{Count: 20_000, Type: wt.I64}, {Count: 20_000, Type: wt.F64}}, wt.Call))
		}},
		{name: "mutual-recursion", want: faults(stack), code: func(p *wt.Policy) []byte {
			next := uint32(len(p.Imports) + len(p.Funcs))
			p.Define(wt.Func{Body: wt.Call(next + 1)})
			p.Define(wt.Func{Body: wt.Code(wt.Call(next), wt.Call(next))})
			return wt.Call(next)
		}},
		{name: "indirect-recursion", want: faults(stack), code: func(p *wt.Policy) []byte {
			f := recursive(p, nil, func(f uint32) []byte { return wt.Code(wt.Const(0), wt.CallIndirect(f, 0)) })
			inTable(p, f)
			return wt.Call(f)
		}},
		{name: "recursive-operands", want: faults(stack), code: recursiveOperands},
		{name: "deep-call-chain", want: Outcome{}, code: callChain},
	}
}

// recursive defines a function that calls itself for each value of a global counter, twice.
func recursive(p *wt.Policy, locals []wt.Locals, call func(uint32) []byte) uint32 {
	self := uint32(len(p.Imports) + len(p.Funcs))
	return p.Define(wt.Func{Locals: locals, Body: wt.Code(counter(p), call(self), call(self))})
}

// recursiveOperands recurses with a thousand values on the operand stack.
func recursiveOperands(p *wt.Policy) []byte {
	self := uint32(len(p.Imports) + len(p.Funcs))
	var body []byte
	for i := range 1000 {
		body = append(body, wt.Load(uint32(4*i))...)
	}
	body = append(body, wt.Call(self)...)
	return wt.Call(p.Define(wt.Func{Body: wt.Code(body, slices.Repeat(wt.Drop(), 1000))}))
}

// callChain is deep but within reason: a hundred functions, each called by the next.
func callChain(p *wt.Policy) []byte {
	f := p.Define(wt.Func{})
	for range 100 {
		f = p.Define(wt.Func{Body: wt.Call(f)})
	}
	return wt.Call(f)
}
