// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

// Instance is a guest.
type Instance struct {
	mod    api.Module
	mem    api.Memory
	memory *memory
	caller *hostcall.Caller
	gauge  gauge
	// latest is the export that was called last. Each api.Function has a native stack of its own,
	// which grows and never shrinks, so there is only this one.
	latest function
	// ended is set by a fault: what is left of the guest is not to be trusted.
	ended bool
	// stack carries parameters and results, so that calls do not allocate.
	stack   [2]uint64
	windows [abi.NumSpaces]window
}

type function struct {
	name string
	fn   api.Function
}

// window is where a space shows in the guest.
type window struct {
	view arena.View
	// base and room are the page-aligned part of the guest's allocation, in bytes.
	base uint32
	room int
}

// adopt takes over what has been instantiated.
func (i *Instance) adopt(mod api.Module) {
	i.mod, i.mem = mod, mod.Memory()
	i.gauge.find(mod)
}

// About says what the guest's next calls are about: host functions that concern a pod act on
// this one and no other. Nil ends that.
func (i *Instance) About(subject any) { i.caller.Subject = subject }

// Mute takes from the guest what it reaches in the host: its calls succeed, and have no effect.
func (i *Instance) Mute() { i.caller.Mute() }

// Call runs an export, whose parameters are on the stack. Any error is a *Fault.
func (i *Instance) Call(ctx context.Context, export string) (uint32, error) {
	if i.ended {
		return 0, Violation(export, "the guest has ended")
	}
	if i.latest.name != export {
		i.latest = function{export, i.mod.ExportedFunction(export)}
	}
	if i.latest.fn == nil {
		return 0, Violation(export, "the module does not export it")
	}
	if err := i.latest.fn.CallWithStack(i.bind(ctx), i.stack[:]); err != nil {
		i.ended = true
		return 0, i.fault(export, err)
	}
	return uint32(i.stack[0]), nil
}

// Buffer asks the guest for size bytes of a kind and returns their address.
func (i *Instance) Buffer(ctx context.Context, kind uint32, size int) (uint32, error) {
	i.stack[0], i.stack[1] = uint64(kind), uint64(size)
	addr, err := i.Call(ctx, abi.ExportBuffer)
	if err != nil {
		return 0, err
	}
	if addr == 0 || addr%8 != 0 || uint64(addr)+uint64(size) > uint64(i.mem.Size()) {
		return 0, i.violation(abi.ExportBuffer, "address %#x for %d bytes of kind %d (memory is %d bytes; addresses must be multiples of 8)",
			addr, size, kind, i.mem.Size())
	}
	return addr, nil
}

func (i *Instance) violation(call, format string, args ...any) *Fault {
	f := Violation(call, format, args...)
	f.Output = i.caller.Output()
	return f
}

// Bytes is n bytes of the guest's memory from addr, for reading and writing; ok is false if
// they are not all there. The slice is valid until the guest runs again.
func (i *Instance) Bytes(addr, n uint32) (b []byte, ok bool) {
	// The memory of a closed guest is no longer mapped, and touching it would end the process.
	if i.gone() {
		return nil, false
	}
	return i.mem.Read(addr, n)
}

func (i *Instance) gone() bool { return i.ended || i.mod.IsClosed() }

// Sync shows the guest the current state of each segment; nil ones it does not get. It returns
// the address of each space.
func (i *Instance) Sync(ctx context.Context, segs *[abi.NumSpaces]*arena.Segment) (bases [abi.NumSpaces]uint32, err error) {
	if i.gone() {
		return bases, i.violation("Sync", "the guest has ended")
	}
	for space, seg := range segs {
		if seg == nil || seg.Size() == 0 {
			continue
		}
		w := &i.windows[space]
		if w.view.Size() < seg.Size() {
			err = i.attach(ctx, uint32(space), w, seg)
		} else if !arena.Mapped {
			window, _ := i.Bytes(w.base, uint32(w.view.Size()))
			w.view.Sync(seg, window)
		}
		if err != nil {
			return bases, err
		}
		bases[space] = w.base
	}
	return bases, nil
}

// attach lays all of the segment over the window, after asking the guest for a window with
// room to grow if it has become too small.
func (i *Instance) attach(ctx context.Context, space uint32, w *window, seg *arena.Segment) error {
	if seg.Size() > w.room {
		if err := i.widen(ctx, space, w, arena.Ahead(seg.Size())); err != nil {
			return err
		}
	}
	bytes, ok := i.Bytes(w.base, uint32(seg.Size()))
	if !ok {
		return i.violation(abi.ExportBuffer, "window at %#x is outside of memory", w.base)
	}
	return w.view.Attach(seg, bytes)
}

// widen gets a bigger window. The old one is given back to the guest before it may reuse it.
func (i *Instance) widen(ctx context.Context, space uint32, w *window, room int) error {
	if old, ok := i.Bytes(w.base, uint32(w.view.Size())); ok && len(old) > 0 {
		if err := w.view.Detach(old); err != nil {
			return err
		}
	}
	size := arena.WindowSize(room)
	// Memory grows by whole pages of Wasm.
	i.memory.windows += (int64(size)+wasmPage-1)&^(wasmPage-1) + windowSlack
	addr, err := i.Buffer(ctx, abi.BufferWindow+space, size)
	if err != nil {
		return err
	}
	*w = window{base: arena.AlignWindow(addr), room: room}
	return nil
}

// Close ends the guest and returns its memory.
func (i *Instance) Close(ctx context.Context) error { return i.mod.Close(ctx) }
