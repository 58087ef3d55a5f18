// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"

// wrapMax is up to how many loops of a function are wrapped.
const wrapMax = 64

// loop writes a loop with its charge. The call of refuel comes after the loop rather than in it,
// because wazero spills every value around a call even if the call is never made:
//
//	block $out
//	  loop $retry
//	    block $refuel
//	      (local.set $fuel (global.get $fuel))    ;; in loops that call nothing
//	      loop $L
//	        charge; br_if $refuel if the fuel is below zero
//	        ...
//	      end
//	      br $out
//	    end
//	    call refuel; give the charge back
//	    br $retry
//	  end
//	end
//
// The state of the loop is in locals, globals and memory, so it can be entered again; one with
// parameters has state on the stack and keeps the call inside. So do those of functions with very
// many, because the time that wazero takes is quadratic in the blocks of a function.
func (e *emitter) loop() {
	s, live := e.next(e.in.End)
	local := e.top().local || live && s.callFree
	blockType := e.bytes[e.in.Start+1 : e.in.End]
	switch {
	case !live:
		e.copy()
		e.push(frame{local: local})
	case e.b.loops > wrapMax || e.in.Block.Indexed && len(e.types[e.in.Block.Index].Params) > 0:
		e.load(local)
		e.copy()
		e.push(frame{local: local})
		e.charge(&s, local)
		e.check(local)
	default:
		e.begin(wasm.OpBlock, blockType)
		e.begin(wasm.OpLoop, blockType)
		e.begin(wasm.OpBlock, noValues)
		e.load(local)
		e.copy()
		e.depth += 3
		e.push(frame{local: local, wrapped: s.weight})
		e.charge(&s, local)
		e.getFuel(local)
		e.i64(0)
		e.op(wasm.OpI64LtS)
		e.index(wasm.OpBrIf, 1)
	}
}

// end closes a block and what it is wrapped in.
func (e *emitter) end() {
	f := *e.top()
	e.open = e.open[:len(e.open)-1]
	e.op(wasm.OpEnd)
	e.depth--
	switch {
	case len(e.open) == 0 && e.b.counted:
		e.add(e.stack(), int64(e.b.frame))
		e.op(wasm.OpEnd)
	case f.wrapped > 0:
		e.index(wasm.OpBr, 2)
		e.op(wasm.OpEnd)
		e.index(wasm.OpCall, e.imported)
		e.add(e.fuel(), int64(f.wrapped))
		e.index(wasm.OpBr, 0)
		e.op(wasm.OpEnd, wasm.OpEnd)
		e.depth -= 3
	}
}
