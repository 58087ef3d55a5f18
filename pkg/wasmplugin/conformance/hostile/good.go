// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"strings"
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func lower(place string) string { return strings.ToLower(place) }

// Fields of the frame.
var (
	slotCountField = uint32(unsafe.Offsetof(abi.Frame{}.SlotCount))
	resultsField   = uint32(unsafe.Offsetof(abi.Frame{}.Results))
	textField      = unsafe.Offsetof(abi.Frame{}.Text)
	reasonsField   = unsafe.Offsetof(abi.Frame{}.Reasons)
	newStateField  = unsafe.Offsetof(abi.Frame{}.NewState)
	subsetField    = unsafe.Offsetof(abi.Frame{}.Subset)
)

// goodPolicy passes every node and gives all of them the same score. Its buffers are where
// wasmtest has them; for more than these hold it grows its memory.
func goodPolicy() *wt.Policy {
	p := wt.NewPolicy()
	p.Pages = goodPages
	p.Body(abi.ExportBuffer, fixedRoom(), moreRoom())
	p.Body(abi.ExportFilter, clearResults(4), success())
	p.Body(abi.ExportScore, clearResults(8), success())
	return p
}

// goodPages is the initial size of a good policy's memory: what wasmtest has below its buffers,
// and one page for each kind that is in use.
const goodPages = abi.BufferConfig + 2

func success() []byte { return wt.Const(uint32(abi.Success)) }

// fixedRoom is buffer for what is in use, not a window and not large.
func fixedRoom() []byte {
	return wt.Code(
		wt.Param(0), wt.Const(goodPages-1), wt.Less(),
		wt.Param(1), wt.Const(wt.BufferRoom+1), wt.Less(), wt.Multiply(),
		wt.If(wt.Param(0), wt.Const(1), wt.Add(), wt.Const(16), wt.ShiftLeft(), wt.Return()))
}

// moreRoom is buffer with memory made for it, or 0 if there is no more.
func moreRoom() []byte {
	return wt.Code(
		wt.Param(1), wt.Const(16), wt.ShiftRight(), wt.Const(1), wt.Add(), wt.Grow(), wt.Set(0),
		wt.Param(0), wt.Const(0xffffffff), wt.Equal(), wt.If(wt.Const(0), wt.Return()),
		wt.Param(0), wt.Const(16), wt.ShiftLeft())
}

// frameField pushes a field of the frame.
func frameField(offset uint32) []byte { return wt.Load(wt.FrameAt + offset) }

// clearResults sets all results, of size bytes each, to zero.
func clearResults(size uint32) []byte {
	return wt.Code(frameField(resultsField), wt.Const(0), frameField(slotCountField), wt.Const(size), wt.Multiply(), wt.MemoryFill())
}

// firstResult pushes the address of the first result.
func firstResult() []byte { return frameField(resultsField) }

// wholeMemory pushes the size of the memory in bytes.
func wholeMemory() []byte { return wt.Code(wt.MemorySize(), wt.Const(16), wt.ShiftLeft()) }

// repeat runs code n times, in a function of its own because it takes a local variable.
func repeat(p *wt.Policy, n uint32, code ...[]byte) []byte {
	f := p.Define(wt.Func{Locals: []wt.Locals{{Count: 1, Type: wt.I32}}, Body: wt.Loop(
		wt.Code(code...),
		wt.Param(0), wt.Const(1), wt.Add(), wt.Tee(0), wt.Const(n), wt.Less(), wt.BrIf(0))})
	return wt.Call(f)
}
