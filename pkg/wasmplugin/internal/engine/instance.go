// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
)

// Instance is a guest.
type Instance struct {
	mod   api.Module
	mem   api.Memory
	out   *tail
	calls map[string]*function
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

func newInstance(mod api.Module, out *tail) *Instance {
	i := &Instance{mod: mod, mem: mod.Memory(), out: out, calls: map[string]*function{}}
	for name := range parameters {
		if fn := mod.ExportedFunction(name); fn != nil {
			i.calls[name] = &function{name, fn}
		}
	}
	return i
}

// Call runs an export that takes no parameters. Any error is a *Fault.
func (i *Instance) Call(ctx context.Context, export string) (uint32, error) {
	return i.call(ctx, i.calls[export])
}

func (i *Instance) call(ctx context.Context, f *function) (uint32, error) {
	if err := f.fn.CallWithStack(ctx, i.stack[:]); err != nil {
		return 0, newFault(f.name, err, i.out)
	}
	return uint32(i.stack[0]), nil
}

// Buffer asks the guest for size bytes of a kind and returns their address.
func (i *Instance) Buffer(ctx context.Context, kind uint32, size int) (uint32, error) {
	i.stack[0], i.stack[1] = uint64(kind), uint64(size)
	addr, err := i.call(ctx, i.calls[abi.ExportBuffer])
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
	f.Output = i.out.take()
	return f
}

// Bytes is n bytes of the guest's memory from addr, for reading and writing; ok is false if
// they are not all there. The slice is valid until the guest runs again.
func (i *Instance) Bytes(addr, n uint32) (b []byte, ok bool) {
	// A guest that exits has closed itself: its memory is no longer mapped, and touching it
	// would end the process.
	if i.mod.IsClosed() {
		return nil, false
	}
	return i.mem.Read(addr, n)
}

// Sync shows the guest the current state of each segment; nil ones it does not get. It returns
// the address of each space.
func (i *Instance) Sync(ctx context.Context, segs *[abi.NumSpaces]*arena.Segment) (bases [abi.NumSpaces]uint32, err error) {
	if i.mod.IsClosed() {
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
	addr, err := i.Buffer(ctx, abi.BufferWindow+space, arena.WindowSize(room))
	if err != nil {
		return err
	}
	*w = window{base: arena.AlignWindow(addr), room: room}
	return nil
}

// Close ends the guest and returns its memory.
func (i *Instance) Close(ctx context.Context) error { return i.mod.Close(ctx) }
