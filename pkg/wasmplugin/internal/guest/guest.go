// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package guest speaks the ABI with one instance: it lays out the frame, makes the calls and
// checks every result before anyone else sees it.
//
// Ownership: a Guest owns its instance and closes it. It borrows the snapshot's segments.
//
// Concurrency: a Guest is for one goroutine at a time. Begin must come between a snapshot's
// Sync and the calls that should see it.
package guest

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

// frameSize is the frame with the strides behind it.
const frameSize = int(unsafe.Sizeof(abi.Frame{})) + abi.NumRecords*4

// Guest is an instance with its frame.
type Guest struct {
	inst   *engine.Instance
	about  Description
	limits Limits
	// until is when the current cycle's calls must be done, and done is closed when they need not
	// go on.
	until time.Time
	done  <-chan struct{}
	frame uint32
	// base is the frame as it is at the start of a call: results cleared.
	base     abi.Frame
	buffers  [abi.BufferKinds]buffer
	reasons  texts
	verdicts verdicts
	// wants is what Configure left.
	wants Needs
	// seen is the version of the declared objects that the guest knows.
	seen uint64
}

// buffer is a guest's allocation of one kind.
type buffer struct {
	addr uint32
	size int
}

// Limits bound what a guest may do.
type Limits struct {
	// PerCall and PerNode are fuel: a call about n nodes may use PerCall + n*PerNode units.
	PerCall, PerNode int64
	// Start is fuel for all that comes before the first extension point: describing and
	// configuring. Defaults to engine.DefaultStart.
	Start int64
	// State is the most bytes that PreFilter may leave for later calls.
	State int
}

// DefaultLimits suit guests whose policy says nothing else; they are argued in RATIONALE.md.
var DefaultLimits = Limits{PerCall: 10_000_000, PerNode: 50_000, Start: engine.DefaultStart, State: 64 << 10}

// World is what all of a policy's guests see of the cluster.
type World struct {
	Segments [abi.NumSpaces]*arena.Segment
	Strides  [abi.NumRecords]uint32
	Parts    abi.Parts
	Epoch    uint64
	Nodes    int
}

// Cycle is the pod that calls are about.
type Cycle struct {
	// ID differs between any two combinations of pod and state.
	ID uint64
	// Pod is the encoded record for SpacePod.
	Pod []byte
	// State is what PreFilter left.
	State []byte
	// Subject is the pod for host functions that concern it.
	Subject any
	// Done, if not nil, is closed when no answer about the cycle is needed any more.
	Done <-chan struct{}
}

// New wraps an instance whose module has the description.
func New(ctx context.Context, inst *engine.Instance, about Description, limits Limits) (*Guest, error) {
	g := &Guest{inst: inst, about: about, limits: limits}
	inst.Grant(engine.Budget{Fuel: limits.Start, Until: time.Now().Add(engine.MaxStartTime)})
	addr, err := inst.Buffer(ctx, abi.BufferFrame, frameSize)
	if err != nil {
		return nil, err
	}
	g.frame = addr
	g.base = abi.Frame{
		Size:     uint32(unsafe.Sizeof(abi.Frame{})),
		Features: about.Features,
		Strides:  addr + uint32(unsafe.Sizeof(abi.Frame{})),
		// What a guest that leaves the result alone means.
		SubsetCount: abi.AllNodes,
	}
	return g, nil
}

// Close ends the instance.
func (g *Guest) Close(ctx context.Context) error { return g.inst.Close(ctx) }

// Configure hands the policy its configuration. A refusal is a *ConfigError.
func (g *Guest) Configure(ctx context.Context, config []byte) error {
	addr, err := g.place(ctx, abi.BufferConfig, config)
	if err != nil {
		return err
	}
	g.base.Config = abi.Span{Addr: addr, Len: uint32(len(config))}
	defer func() { g.base.Config = abi.Span{} }()
	code, err := g.call(ctx, abi.ExportConfigure)
	if err != nil {
		return err
	}
	text, err := g.text(abi.ExportConfigure)
	switch {
	case err != nil:
		return err
	case code == abi.Success:
		g.wants, err = g.needs()
		return err
	case code == abi.Error:
		return &ConfigError{Reason: text}
	}
	return engine.Violation(abi.ExportConfigure, "code %d, want %d or %d", code, abi.Success, abi.Error)
}

// ConfigError is a configuration that the policy refuses.
type ConfigError struct{ Reason string }

// Error gives the policy's reason.
func (e *ConfigError) Error() string { return "the policy refuses its config: " + e.Reason }

// Needs is what the configured policy wants of the host.
func (g *Guest) Needs() Needs { return g.wants }

// Seen is the version of the declared objects up to which the guest has been told; 0 if it was told
// nothing yet. See SetSeen.
func (g *Guest) Seen() uint64 { return g.seen }

// SetSeen notes up to which version Tell has told.
func (g *Guest) SetSeen(version uint64) { g.seen = version }

// Used is how much fuel the latest call took, with the buffers it needed, in units.
func (g *Guest) Used() int64 { return g.inst.Used() }

// allow grants fuel for a call about that many nodes.
func (g *Guest) allow(nodes int) {
	g.inst.Grant(engine.Budget{Fuel: g.limits.PerCall + int64(nodes)*g.limits.PerNode, Until: g.until, Done: g.done})
}

// End ends what Begin began: until the next Begin the guest is not about any pod.
func (g *Guest) End() { g.inst.About(nil) }

// Mute has the guest's calls of host functions have no effect from now on. It is not for a policy any more.
func (g *Guest) Mute() { g.inst.Mute() }

// Begin prepares the guest for calls about the cycle in the world as it is now, which must be done
// by until; the zero time is never.
func (g *Guest) Begin(ctx context.Context, w *World, c *Cycle, until time.Time) error {
	g.until, g.done = until, c.Done
	g.inst.About(c.Subject)
	g.allow(0)
	bases, err := g.inst.Sync(ctx, &w.Segments)
	if err != nil {
		return err
	}
	copy(g.base.Bases[:abi.SpacePod], bases[:abi.SpacePod])
	g.base.Epoch, g.base.Parts, g.base.NodeCount = w.Epoch, w.Parts, uint32(w.Nodes)
	if g.base.Cycle != c.ID {
		if err := g.placeCycle(ctx, c); err != nil {
			return err
		}
		g.base.Cycle = c.ID
	}
	strides, ok := g.inst.Bytes(g.base.Strides, abi.NumRecords*4)
	if !ok {
		return g.outside("frame")
	}
	copy(strides, bytesOf(&w.Strides))
	return nil
}

// placeCycle copies the pod and the state in, one after the other.
func (g *Guest) placeCycle(ctx context.Context, c *Cycle) error {
	addr, err := g.reserve(ctx, abi.BufferPod, len(c.Pod)+len(c.State))
	if err != nil {
		return err
	}
	if err := g.write(addr, c.Pod); err != nil {
		return err
	}
	g.base.Pod, g.base.Bases[abi.SpacePod] = addr, addr
	state := addr + uint32(len(c.Pod))
	g.base.State = abi.Span{Addr: state, Len: uint32(len(c.State))}
	return g.write(state, c.State)
}

// place copies bytes into a buffer of the kind.
func (g *Guest) place(ctx context.Context, kind uint32, b []byte) (uint32, error) {
	addr, err := g.reserve(ctx, kind, len(b))
	if err != nil {
		return 0, err
	}
	return addr, g.write(addr, b)
}

// reserve makes sure that the buffer of the kind has size bytes.
func (g *Guest) reserve(ctx context.Context, kind uint32, size int) (uint32, error) {
	b := &g.buffers[kind]
	if b.addr == 0 || size > b.size {
		size = max(1024, 2*size)
		addr, err := g.inst.Buffer(ctx, kind, size)
		if err != nil {
			return 0, err
		}
		*b = buffer{addr, size}
	}
	return b.addr, nil
}

func (g *Guest) write(addr uint32, b []byte) error {
	to, ok := g.inst.Bytes(addr, uint32(len(b)))
	if !ok {
		return g.outside("buffer")
	}
	copy(to, b)
	return nil
}

func (g *Guest) outside(what string) error {
	return engine.Violation(abi.ExportBuffer, "the %s is no longer inside of memory", what)
}

// call writes the frame and runs an export.
func (g *Guest) call(ctx context.Context, export string) (abi.Code, error) {
	b, ok := g.inst.Bytes(g.frame, uint32(unsafe.Sizeof(abi.Frame{})))
	if !ok {
		return 0, g.outside("frame")
	}
	*frameAt(b) = g.base
	code, err := g.inst.Call(ctx, export)
	return abi.Code(code), err
}

// result is the frame as the guest left it.
func (g *Guest) result() (abi.Frame, error) {
	b, ok := g.inst.Bytes(g.frame, uint32(unsafe.Sizeof(abi.Frame{})))
	if !ok {
		return abi.Frame{}, g.outside("frame")
	}
	return *frameAt(b), nil
}

func frameAt(b []byte) *abi.Frame { return (*abi.Frame)(unsafe.Pointer(unsafe.SliceData(b))) }

func bytesOf[T any](v *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)) }

// view is n values of T at an address of the guest's memory, which must be 4-byte aligned as
// everything in the ABI is.
func view[T any](g *Guest, addr, n uint32, export string) ([]T, error) {
	var zero T
	size := uint64(n) * uint64(unsafe.Sizeof(zero))
	b, ok := g.inst.Bytes(addr, uint32(min(size, 1<<32-1)))
	if !ok || size >= 1<<32 || addr%4 != 0 {
		return nil, engine.Violation(export, "%d results at %#x are not inside of memory", n, addr)
	}
	if n == 0 {
		return nil, nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n), nil
}

func (g *Guest) text(export string) (string, error) {
	f, err := g.result()
	if err != nil {
		return "", err
	}
	return g.read(f.Text, export, "text")
}

// read is a string that the guest returned, cut at maxText.
func (g *Guest) read(s abi.Span, export, what string) (string, error) {
	b, ok := g.inst.Bytes(s.Addr, s.Len)
	if !ok {
		return "", engine.Violation(export, "%s of %d bytes at %#x is outside of memory", what, s.Len, s.Addr)
	}
	return g.reasons.get(b), nil
}

// String names the guest in messages.
func (g *Guest) String() string { return fmt.Sprintf("guest built by %s", g.about.Producer) }
