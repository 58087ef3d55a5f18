// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// frame is a block of the module that is open while its code is written.
type frame struct {
	// label is the place of the block among those that are open in what is written.
	label int
	// wrapped is the weight of a loop that is wrapped, or 0.
	wrapped uint64
	// local says that the fuel is also in a local: nothing in this loop calls a function.
	local bool
}

// emitter writes one body.
type emitter struct {
	*program
	code

	b    *body
	open []frame
	// depth is how many blocks are open in what is written.
	depth int
	// segments are those that come next.
	segments []segment
	in       wasm.Instr
	// fuelLocal holds the fuel in loops that are callFree; count and grown hold what the
	// instructions on ranges have on the stack.
	fuelLocal, count, grown uint32
}

// appendBody appends the metered body of a defined function.
func (p *program) appendBody(out *patch, i int) error {
	b := &p.bodies[i]
	e := emitter{program: p, b: b, segments: p.segments[b.segments[0]:b.segments[1]]}
	r := wasm.Range(p.bytes, b.declarations, b.end)
	r.U32()
	if err := e.declare(&r); err != nil {
		return err
	}
	r = wasm.Range(p.bytes, b.code, b.end)
	e.enter(p.types[p.functions[int(p.imported)+i]].Results)
	for r.Len() > 0 {
		r.Instr(&e.in)
		e.instruction()
	}
	out.out = appendSized(out.out, e.code)
	return r.Err()
}

// declare writes the local declarations and those that are added.
func (e *emitter) declare(r *wasm.Reader) error {
	groups := r.U32()
	first := uint64(e.b.params) + e.b.locals
	if first > math.MaxUint32-3 {
		return fmt.Errorf("%d locals are too many", first)
	}
	e.fuelLocal, e.count, e.grown = uint32(first), uint32(first)+1, uint32(first)+2
	e.code = make(code, 0, 2*(e.b.end-e.b.code)+64)
	e.code = binary.AppendUvarint(e.code, uint64(groups)+2)
	e.code = append(e.code, e.bytes[r.Offset():e.b.code]...)
	e.code = append(e.code, 1, byte(wasm.I64), 2, byte(wasm.I32))
	return nil
}

// enter charges for the entry and takes the frame from the stack.
func (e *emitter) enter(results []byte) {
	if e.b.counted {
		e.add(e.stack(), -int64(e.b.frame))
	}
	s := e.segments[0]
	e.segments = e.segments[1:]
	e.charge(&s, false)
	switch {
	case e.b.counted && s.checked:
		e.index(wasm.OpGlobalGet, e.fuel())
		e.index(wasm.OpGlobalGet, e.stack())
		e.op(wasm.OpI64Or)
		e.ifNegative()
		e.trapWithoutStack()
		e.index(wasm.OpCall, e.imported)
		e.op(wasm.OpEnd)
	case e.b.counted:
		e.trapWithoutStack()
	case s.checked:
		e.check(false)
	}
	e.open = append(e.open, frame{})
	if e.b.counted {
		e.begin(wasm.OpBlock, e.resultType(results))
		e.depth, e.open[0].label = 1, 1
	}
}

func (e *emitter) resultType(results []byte) []byte {
	switch len(results) {
	case 0:
		return noValues
	case 1:
		return results
	}
	return appendSigned(nil, int64(e.typeIndex(wasm.FuncType{Results: results})))
}

func (e *emitter) trapWithoutStack() {
	e.index(wasm.OpGlobalGet, e.stack())
	e.ifNegative()
	e.op(wasm.OpUnreachable, wasm.OpEnd)
}

// add adds to a counter.
func (e *emitter) add(global uint32, n int64) {
	e.index(wasm.OpGlobalGet, global)
	e.i64(n)
	e.op(wasm.OpI64Add)
	e.index(wasm.OpGlobalSet, global)
}

// charge takes the weight of a segment from the fuel. With local, the fuel is in the local as
// well: it is only ever stored to the global in such loops, so that no turn waits for the store
// of the one before.
func (e *emitter) charge(s *segment, local bool) {
	switch {
	case s.weight == 0:
	case local:
		e.index(wasm.OpLocalGet, e.fuelLocal)
		e.i64(-int64(s.weight))
		e.op(wasm.OpI64Add)
		e.index(wasm.OpLocalTee, e.fuelLocal)
		e.index(wasm.OpGlobalSet, e.fuel())
	default:
		e.add(e.fuel(), -int64(s.weight))
	}
}

// ifNegative begins an if on the i64 on the stack.
func (e *emitter) ifNegative() {
	e.i64(0)
	e.op(wasm.OpI64LtS)
	e.begin(wasm.OpIf, noValues)
}

// check calls refuel if the fuel is used up.
func (e *emitter) check(local bool) {
	e.getFuel(local)
	e.ifNegative()
	e.index(wasm.OpCall, e.imported)
	e.load(local)
	e.op(wasm.OpEnd)
}

func (e *emitter) getFuel(local bool) {
	if local {
		e.index(wasm.OpLocalGet, e.fuelLocal)
	} else {
		e.index(wasm.OpGlobalGet, e.fuel())
	}
}

// load brings the local up to date.
func (e *emitter) load(local bool) {
	if local {
		e.index(wasm.OpGlobalGet, e.fuel())
		e.index(wasm.OpLocalSet, e.fuelLocal)
	}
}

// next is the segment that starts at an offset, if one does.
func (e *emitter) next(at int) (s segment, ok bool) {
	if len(e.segments) == 0 || e.segments[0].at != at {
		return s, false
	}
	s, e.segments = e.segments[0], e.segments[1:]
	return s, true
}

// instruction writes what becomes of an instruction.
func (e *emitter) instruction() {
	in := &e.in
	if s, ok := e.next(in.Start); ok {
		e.charge(&s, e.top().local)
		if s.checked {
			e.check(e.top().local)
		}
	}
	switch in.Op {
	case wasm.OpLoop:
		e.loop()
	case wasm.OpBlock, wasm.OpIf:
		e.copy()
		e.push(frame{local: e.top().local})
	case wasm.OpEnd:
		e.end()
	case wasm.OpBr, wasm.OpBrIf:
		e.index(in.Op, e.label(in.Index))
	case wasm.OpBrTable:
		e.brTable()
	case wasm.OpReturn:
		e.doReturn()
	case wasm.OpCall, wasm.OpRefFunc:
		e.index(in.Op, e.shifted(in.Index))
	case wasm.OpMemoryGrow, wasm.OpTableGrow:
		e.grow()
	case wasm.OpMemoryInit, wasm.OpMemoryCopy, wasm.OpMemoryFill, wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableFill:
		e.bulk()
	default:
		e.copy()
	}
}

// copy writes the instruction as it is.
func (e *emitter) copy() { e.code = append(e.code, e.bytes[e.in.Start:e.in.End]...) }

func (e *emitter) top() *frame { return &e.open[len(e.open)-1] }

func (e *emitter) push(f frame) {
	e.depth++
	f.label = e.depth
	e.open = append(e.open, f)
}

// label is the label of a block of the module in what is written.
func (e *emitter) label(index uint32) uint32 {
	return uint32(e.depth - e.open[len(e.open)-1-int(index)].label)
}

func (e *emitter) brTable() {
	e.op(wasm.OpBrTable)
	e.code = binary.AppendUvarint(e.code, uint64(len(e.in.Labels)-1))
	for _, l := range e.in.Labels {
		e.code = binary.AppendUvarint(e.code, uint64(e.label(l)))
	}
}

// doReturn leaves the wrapping block, after which the frame is given back.
func (e *emitter) doReturn() {
	if !e.b.counted {
		e.copy()
		return
	}
	e.index(wasm.OpBr, uint32(e.depth-e.open[0].label))
}
