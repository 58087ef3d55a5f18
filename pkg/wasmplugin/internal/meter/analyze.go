// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"fmt"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// body is a function's code and what is known of it.
type body struct {
	// declarations, code and end are offsets: of the local declarations, of the first instruction
	// and after the last.
	declarations, code, end int
	groups, params          int
	locals                  uint64
	// segments and callees are ranges of the program's; the latter are defined functions that it
	// calls by index, less the imported ones.
	segments, callees [2]int
	// straight is the segment of the loop that control goes straight to from the entry, or 0.
	straight     int32
	calls, loops int
	indirect     bool
	bulk, grow   bool
	// slots is how many values may be kept in the native frame: see stack.go.
	slots uint64
	// counted says that the function takes frame bytes from the counter of the native stack.
	counted bool
	frame   uint64
}

// leaf says that nothing in the function takes longer than its code is.
func (b *body) leaf() bool { return b.calls == 0 && b.loops == 0 && !b.bulk && !b.grow }

// analyzer walks one function.
type analyzer struct {
	*program

	b       *body
	r       *wasm.Reader
	in      wasm.Instr
	open    []control
	first   int
	current int32
	// dead says that control is never here.
	dead   bool
	height int

	settler
	values
}

// analyze reads the code section.
func (p *program) analyze(s *wasm.Section) error {
	a := analyzer{program: p}
	var code wasm.Body
	n := s.Content.Count(3)
	if n > len(p.functions)-int(p.imported) {
		return fmt.Errorf("%d bodies for %d functions", n, len(p.functions)-int(p.imported))
	}
	for i := range n {
		start := s.Content.Offset()
		s.Content.Body(&code)
		if s.Content.Err() != nil {
			break
		}
		if err := a.function(p.imported+uint32(i), start, &code); err != nil {
			return fmt.Errorf("function %d: %w", int(p.imported)+i, err)
		}
	}
	return s.Done()
}

func (a *analyzer) function(index uint32, start int, code *wasm.Body) error {
	t, ok := a.typeOf(index)
	if !ok {
		return fmt.Errorf("its type %d does not exist", a.functions[index])
	}
	a.bodies = append(a.bodies, body{
		declarations: start, code: code.Code.Offset(), end: code.Code.Offset() + code.Code.Len(),
		groups: len(code.Locals), params: len(t.Params), locals: code.LocalCount,
		segments: [2]int{len(a.segments)}, callees: [2]int{len(a.callees)},
	})
	a.b, a.r, a.first = &a.bodies[len(a.bodies)-1], &code.Code, len(a.segments)
	a.dead, a.height = false, 0
	a.values.begin(len(t.Params))
	a.open = append(a.open[:0], control{op: wasm.OpBlock, results: len(t.Results), before: -1})
	a.start(entry, a.b.code)
	a.segments[a.first].weight = (code.LocalCount + localsPerUnit - 1) / localsPerUnit
	for a.r.Len() > 0 && len(a.open) > 0 {
		a.r.Instr(&a.in)
		a.instruction()
	}
	if a.r.Err() == nil && (len(a.open) > 0 || a.r.Len() > 0) {
		a.r.Fail(a.in.Start, "the function's blocks do not end where its code does")
	}
	a.b.segments[1], a.b.callees[1] = len(a.segments), len(a.callees)
	a.b.slots = a.values.slots()
	a.settle(a.segments[a.first:], a.b)
	return a.r.Err()
}

// start makes a segment that begins at an offset the current one.
func (a *analyzer) start(k kind, at int) {
	parent := int32(0)
	if len(a.segments) > a.first {
		parent = a.current
	}
	a.current = int32(len(a.segments) - a.first)
	a.segments = append(a.segments, segment{at: at, parent: parent, kind: k, checked: k != conditional})
}

// after starts a segment after the current instruction whose parent is the one given.
func (a *analyzer) after(parent int32) {
	a.current = parent
	a.start(conditional, a.in.End)
}

// instruction weighs one instruction and follows its effect on control and on the stack.
func (a *analyzer) instruction() {
	if a.r.Err() != nil {
		return
	}
	in, info := &a.in, a.in.Op.Info()
	if !a.dead {
		a.segments[a.first+int(a.current)].weight += weight(in.Op)
		a.move(int(info.Pops), int(info.Pushes))
	}
	switch in.Op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		a.block()
	case wasm.OpElse:
		a.otherwise()
	case wasm.OpEnd:
		a.close()
	case wasm.OpBr, wasm.OpBrIf:
		a.branch(in.Index)
		a.split(in.Op == wasm.OpBrIf)
	case wasm.OpBrTable:
		for _, l := range in.Labels {
			a.branch(l)
		}
		a.split(false)
	case wasm.OpReturn:
		a.branch(uint32(len(a.open) - 1))
		a.split(false)
	case wasm.OpUnreachable:
		a.dead = true
	default:
		a.plain()
	}
}

// move takes operands from the stack and puts others on it.
func (a *analyzer) move(pops, pushes int) {
	a.height -= pops
	a.drop(a.height)
	a.height += pushes
	if a.height > registers {
		a.keep(a.height)
	}
}

// plain is instructions that control just goes through.
func (a *analyzer) plain() {
	in := &a.in
	switch in.Op {
	case wasm.OpCall:
		a.call()
	case wasm.OpCallIndirect:
		if int(in.Index) >= len(a.types) {
			a.r.Fail(in.Start, "call_indirect of the type %d, which does not exist", in.Index)
			return
		}
		a.b.indirect = true
		a.called(a.types[in.Index])
	case wasm.OpRefFunc:
		a.within("function", in.Index, uint64(len(a.functions)))
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		a.within("global", in.Index, uint64(a.globals))
	case wasm.OpLocalSet, wasm.OpLocalTee:
		if a.within("local", in.Index, uint64(a.b.params)+a.b.locals) {
			a.set(in.Index)
		}
	case wasm.OpLocalGet:
		a.within("local", in.Index, uint64(a.b.params)+a.b.locals)
	case wasm.OpMemoryGrow, wasm.OpTableGrow:
		a.b.grow = true
	case wasm.OpMemoryInit, wasm.OpMemoryCopy, wasm.OpMemoryFill, wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableFill:
		a.b.bulk = true
	}
}

// within refuses an index that the module does not have but that the rewritten one could.
func (a *analyzer) within(what string, index uint32, n uint64) bool {
	if uint64(index) >= n {
		a.r.Fail(a.in.Start, "%s of the %s %d, which does not exist", a.in.Op, what, index)
	}
	return uint64(index) < n
}

func (a *analyzer) call() {
	t, ok := a.typeOf(a.in.Index)
	if !ok {
		a.r.Fail(a.in.Start, "call of the function %d, which does not exist", a.in.Index)
		return
	}
	a.called(t)
	if a.in.Index >= a.imported {
		a.callees = append(a.callees, a.in.Index-a.imported)
	} else if !a.dead {
		a.segments[a.first+int(a.current)].weight += weightHost - weightCall
	}
}

func (a *analyzer) called(t wasm.FuncType) {
	a.b.calls++
	a.open[len(a.open)-1].calls = true
	if !a.dead {
		a.keep(a.height - len(t.Params))
		a.move(len(t.Params), len(t.Results))
	}
}
