// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"

// grow charges for what has been grown: growing beyond the maximum is quick and has a result.
func (e *emitter) grow() {
	e.index(wasm.OpLocalTee, e.count)
	e.copy()
	e.index(wasm.OpLocalTee, e.grown)
	e.index(wasm.OpGlobalGet, e.fuel())
	e.index(wasm.OpLocalGet, e.count)
	e.i32(0)
	e.index(wasm.OpLocalGet, e.grown)
	e.i32(-1)
	e.op(wasm.OpI32Ne, wasm.OpSelect, wasm.OpI64ExtendU)
	if e.in.Op == wasm.OpMemoryGrow {
		e.i64(unitsPerPage)
		e.op(wasm.OpI64Shl)
	}
	e.take()
}

// bulk charges for an instruction on a range before it, by the length on top of the stack.
func (e *emitter) bulk() {
	e.index(wasm.OpLocalTee, e.count)
	e.index(wasm.OpGlobalGet, e.fuel())
	e.index(wasm.OpLocalGet, e.count)
	e.op(wasm.OpI64ExtendU)
	switch e.in.Op {
	case wasm.OpMemoryInit, wasm.OpMemoryCopy, wasm.OpMemoryFill:
		e.i64(bytesPerUnit)
		e.op(wasm.OpI64ShrU)
	}
	e.take()
	e.copy()
}

// take takes what is on top of the stack from the fuel below it, and checks.
func (e *emitter) take() {
	e.op(wasm.OpI64Sub)
	e.index(wasm.OpGlobalSet, e.fuel())
	e.check(false)
	e.load(e.top().local)
}
