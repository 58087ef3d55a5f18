// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"runtime"
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// What the module's instance keeps at fixed addresses for the host. Wasm has one thread.
var (
	descriptor abi.Descriptor
	producer   = "stowage sdk/go " + Version + " " + runtime.Version()
	// buffers keeps alive what the host asked for, by kind.
	buffers [abi.BufferKinds][]uint64
	call    hook.Call
	spans   []abi.Span
)

//go:wasmexport stowage_describe
func describe() uint32 {
	if registered == nil {
		panic("stowage: the module did not call stowage.Register from an init function")
	}
	descriptor = abi.Descriptor{
		Magic:    abi.Magic,
		Size:     uint32(unsafe.Sizeof(descriptor)),
		Major:    abi.Major,
		Minor:    abi.Minor,
		Points:   registered.Points(),
		Reads:    registered.Reads(),
		Producer: spanOf(producer),
	}
	return address(unsafe.Pointer(&descriptor))
}

//go:wasmexport stowage_buffer
func buffer(kind, size uint32) uint32 {
	if kind >= abi.BufferKinds {
		return 0
	}
	buffers[kind] = make([]uint64, (uint64(size)+7)/8)
	return address(unsafe.Pointer(unsafe.SliceData(buffers[kind])))
}

//go:wasmexport stowage_configure
func configure() uint32 {
	f := frame()
	call.Config = bytesAt(f.Config)
	return store(f, registered.Configure(&call))
}

//go:wasmexport stowage_pre_filter
func preFilter() uint32 { return run(abi.PointPreFilter) }

//go:wasmexport stowage_filter
func filter() uint32 { return run(abi.PointFilter) }

//go:wasmexport stowage_pre_score
func preScore() uint32 { return run(abi.PointPreScore) }

//go:wasmexport stowage_score
func score() uint32 { return run(abi.PointScore) }

//go:wasmexport stowage_normalize_score
func normalizeScore() uint32 { return run(abi.PointNormalizeScore) }

func run(p abi.Points) uint32 {
	f := frame()
	load(f, p)
	return store(f, registered.Run(p, &call))
}

func frame() *abi.Frame {
	return (*abi.Frame)(unsafe.Pointer(unsafe.SliceData(buffers[abi.BufferFrame])))
}

// load turns the frame's addresses into pointers.
func load(f *abi.Frame, p abi.Points) {
	call.Cycle, call.Epoch = f.Cycle, f.Epoch
	for i, base := range f.Bases {
		call.Bases[i] = pointer(base)
	}
	call.Strides = (*[abi.NumRecords]uint32)(pointer(f.Strides))
	call.NodeCount = f.NodeCount
	call.Scratch, call.Pod = pointer(f.Scratch), pointer(f.Pod)
	call.State = bytesAt(f.State)
	call.Slots = unsafe.Slice((*uint32)(pointer(f.Slots)), f.SlotCount)
	switch p {
	case abi.PointFilter:
		call.Verdicts = unsafe.Slice((*abi.Verdict)(pointer(f.Results)), f.SlotCount)
	case abi.PointScore, abi.PointNormalizeScore:
		call.Scores = unsafe.Slice((*int64)(pointer(f.Results)), f.SlotCount)
	}
}

// store writes the results of a call into the frame.
func store(f *abi.Frame, code abi.Code) uint32 {
	f.Text = spanOf(call.Text)
	spans = spans[:0]
	for _, r := range call.Reasons {
		spans = append(spans, spanOf(r))
	}
	f.Reasons, f.ReasonCount = address(unsafe.Pointer(unsafe.SliceData(spans))), uint32(len(spans))
	f.NewState = spanOf(unsafe.String(unsafe.SliceData(call.NewState), len(call.NewState)))
	f.Subset, f.SubsetCount = 0, abi.AllNodes
	if call.Restricted {
		f.Subset, f.SubsetCount = address(unsafe.Pointer(unsafe.SliceData(call.Subset))), uint32(len(call.Subset))
	}
	return uint32(code)
}

// pointer makes a pointer of an address in linear memory.
func pointer(addr uint32) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), uintptr(addr)) }

func address(p unsafe.Pointer) uint32 { return uint32(uintptr(p)) }

func bytesAt(s abi.Span) []byte { return unsafe.Slice((*byte)(pointer(s.Addr)), s.Len) }

func spanOf(s string) abi.Span {
	return abi.Span{Addr: address(unsafe.Pointer(unsafe.StringData(s))), Len: uint32(len(s))}
}
