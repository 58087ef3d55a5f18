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
	allocating(uint64(size))
	buffers[kind] = make([]uint64, (uint64(size)+7)/8)
	return address(unsafe.Pointer(unsafe.SliceData(buffers[kind])))
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
	call.Flags = f.Flags
	call.Other, call.Event, call.Group = pointer(f.Other), pointer(f.Event), pointer(f.Group)
	call.Objects, call.ObjectCount = pointer(f.Objects), f.ObjectCount
	loadResults(f, p)
}

// loadResults points at the room that the host made for results.
func loadResults(f *abi.Frame, p abi.Points) {
	room := pointer(f.Results)
	switch p {
	case abi.PointFilter:
		call.Verdicts = unsafe.Slice((*abi.Verdict)(room), f.SlotCount)
	case abi.PointScore, abi.PointNormalizeScore:
		call.Scores = unsafe.Slice((*int64)(room), f.SlotCount)
	case abi.PointScorePlacement:
		call.Scores = unsafe.Slice((*int64)(room), 1)
	case abi.PointRankVictims:
		call.Ranks = room
	}
}

// pointer makes a pointer of an address in linear memory.
func pointer(addr uint32) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), uintptr(addr)) }

func address(p unsafe.Pointer) uint32 { return uint32(uintptr(p)) }

// arrayOf is where a slice is, and how long it is.
func arrayOf[T any](s []T) (addr, count uint32) {
	return address(unsafe.Pointer(unsafe.SliceData(s))), uint32(len(s))
}

func bytesAt(s abi.Span) []byte { return unsafe.Slice((*byte)(pointer(s.Addr)), s.Len) }

func spanOf(s string) abi.Span {
	return abi.Span{Addr: address(unsafe.Pointer(unsafe.StringData(s))), Len: uint32(len(s))}
}
