// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

func TestBuffer(t *testing.T) {
	for name, tc := range map[string]struct {
		addr uint32
		want string
	}{
		"good":       {128, ""},
		"last":       {33<<16 - 8, ""},
		"none":       {0, "ABI violation in stowage_buffer: address 0x0 for 8 bytes of kind 3 (memory is 2162688 bytes; addresses must be multiples of 8)"},
		"misaligned": {132, "ABI violation in stowage_buffer: address 0x84 for 8 bytes of kind 3 (memory is 2162688 bytes; addresses must be multiples of 8)"},
		"outside":    {33 << 16, "ABI violation in stowage_buffer: address 0x210000 for 8 bytes of kind 3 (memory is 2162688 bytes; addresses must be multiples of 8)"},
		"wraps":      {0xfffffff8, "ABI violation in stowage_buffer: address 0xfffffff8 for 8 bytes of kind 3 (memory is 2162688 bytes; addresses must be multiples of 8)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := wt.NewPolicy().Body(abi.ExportBuffer, wt.Const(tc.addr))
			inst := instantiate(t, compile(t, p.Bytes(), engine.Options{}))
			addr, err := inst.Buffer(t.Context(), abi.BufferScratch, 8)
			if tc.want != "" {
				wantFault(t, err, engine.ErrABI, tc.want)
			} else if err != nil || addr != tc.addr {
				t.Errorf("Buffer = %#x, %v, want %#x", addr, err, tc.addr)
			}
		})
	}
}

func TestBytes(t *testing.T) {
	inst := instantiate(t, compile(t, wt.NewPolicy().Text("hello").Bytes(), engine.Options{}))
	for name, tc := range map[string]struct {
		addr, n uint32
		want    bool
	}{
		"inside": {wt.TextAt, 5, true}, "whole": {0, 33 << 16, true}, "empty at the end": {33 << 16, 0, true},
		"past the end": {33<<16 - 4, 5, false}, "wraps": {0xffffffff, 2, false}, "all": {0, 0xffffffff, false},
	} {
		if b, ok := inst.Bytes(tc.addr, tc.n); ok != tc.want || ok && len(b) != int(tc.n) {
			t.Errorf("%s: Bytes = %d bytes, %t, want %t", name, len(b), ok, tc.want)
		}
	}
	b, _ := inst.Bytes(wt.TextAt, 5)
	if diff := cmp.Diff("hello", string(b)); diff != "" {
		t.Errorf("content (-want,+got):\n%s", diff)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	p := wt.NewPolicy().Body(abi.ExportFilter, wt.Const(7), wt.Grow()).Body(abi.ExportScore, wt.Const(8), wt.Grow())
	inst := instantiate(t, compile(t, p.Bytes(), engine.Options{Memory: 40 << 16}))
	for _, step := range []struct {
		export string
		want   uint32
	}{
		{abi.ExportScore, 0xffffffff}, {abi.ExportFilter, 33}, {abi.ExportFilter, 0xffffffff},
	} {
		if got, err := inst.Call(t.Context(), step.export); got != step.want || err != nil {
			t.Errorf("growing in %s = %#x, %v, want %#x", step.export, got, err, step.want)
		}
	}
}

// spaces is a set of segments with one in the given space.
func spaces(t *testing.T, space uint32, pages int) (*[abi.NumSpaces]*arena.Segment, *arena.Segment) {
	t.Helper()
	s, err := arena.NewSegment("test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Grow(pages * arena.PageSize); err != nil {
		t.Fatal(err)
	}
	segs := &[abi.NumSpaces]*arena.Segment{}
	segs[space] = s
	return segs, s
}

func write(s *arena.Segment, off int, value byte) {
	s.Touch(off, 1)
	s.Bytes()[off] = value
}

// A guest reads what the host wrote, in a window of its own memory, while the segment changes
// and grows.
func TestSync(t *testing.T) {
	const space = abi.SpaceData
	p := wt.NewPolicy()
	// Filter reads the byte that TextAt points to.
	p.Body(abi.ExportFilter, wt.Load(wt.TextAt), wt.LoadTop())
	inst := instantiate(t, compile(t, p.Bytes(), engine.Options{}))
	segs, seg := spaces(t, space, 1)
	for pages := 1; pages <= 7; pages++ {
		if err := seg.Grow(pages * arena.PageSize); err != nil {
			t.Fatal(err)
		}
		for round := range 3 {
			at, want := pages*arena.PageSize-4, byte(10*pages+round)
			write(seg, at, want)
			bases, err := inst.Sync(t.Context(), segs)
			if err != nil {
				t.Fatal(err)
			}
			if base := bases[space]; base%arena.PageSize != 0 || base < wt.BufferRoom*(abi.BufferWindow+space+1) {
				t.Fatalf("base = %#x is not a page in the guest's window", base)
			}
			to, _ := inst.Bytes(wt.TextAt, 4)
			copy(to, le(bases[space]+uint32(at)))
			if got, err := inst.Call(t.Context(), abi.ExportFilter); got != uint32(want) || err != nil {
				t.Fatalf("%d pages: the guest reads %d, %v, want %d", pages, got, err, want)
			}
		}
	}
}

func le(n uint32) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }

func TestSyncLeavesOutWhatIsNotGiven(t *testing.T) {
	inst := instantiate(t, compile(t, wt.NewPolicy().Bytes(), engine.Options{}))
	segs, _ := spaces(t, abi.SpacePods, 1)
	_, segs[abi.SpaceNodes] = spaces(t, abi.SpaceNodes, 0)
	bases, err := inst.Sync(t.Context(), segs)
	if err != nil {
		t.Fatal(err)
	}
	for space, base := range bases {
		if (base != 0) != (uint32(space) == abi.SpacePods) {
			t.Errorf("base of space %d is %#x", space, base)
		}
	}
}

func TestSyncOfAGuestWithoutRoom(t *testing.T) {
	p := wt.NewPolicy().Body(abi.ExportBuffer, wt.Const(0))
	inst := instantiate(t, compile(t, p.Bytes(), engine.Options{}))
	segs, _ := spaces(t, abi.SpaceData, 1)
	_, err := inst.Sync(t.Context(), segs)
	wantFault(t, err, engine.ErrABI, fmt.Sprintf(
		"ABI violation in stowage_buffer: address 0x0 for %d bytes of kind 17 (memory is 2162688 bytes; addresses must be multiples of 8)",
		arena.WindowSize(2*arena.PageSize)))
}

// What a guest writes to its window is its own business.
func TestWritesToTheWindowStayInTheGuest(t *testing.T) {
	m := compile(t, wt.NewPolicy().Bytes(), engine.Options{})
	one, two := instantiate(t, m), instantiate(t, m)
	segs, seg := spaces(t, abi.SpaceData, 1)
	for _, inst := range []*engine.Instance{one, two} {
		if _, err := inst.Sync(t.Context(), segs); err != nil {
			t.Fatal(err)
		}
	}
	bases, err := one.Sync(t.Context(), segs)
	if err != nil {
		t.Fatal(err)
	}
	mine, _ := one.Bytes(bases[abi.SpaceData], 1)
	mine[0] = 'g'
	other, _ := two.Bytes(bases[abi.SpaceData], 1)
	if diff := cmp.Diff([]byte{0, 0}, []byte{other[0], seg.Bytes()[0]}); diff != "" {
		t.Errorf("other guest and host (-want,+got):\n%s", diff)
	}
}

// A guest that moves the window may use the old one for anything: the host must have let go of
// it before it asks.
func TestTheOldWindowIsGivenBack(t *testing.T) {
	const next = 48 // the address of the next free byte
	p := wt.NewPolicy()
	p.Data[next] = le(wt.BufferRoom)
	p.Body(abi.ExportBuffer, wt.Load(next), wt.Const(next), wt.Load(next), wt.Param(1), wt.Add(), wt.StoreTop())
	inst := instantiate(t, compile(t, p.Bytes(), engine.Options{}))
	segs, seg := spaces(t, abi.SpaceData, 1)
	write(seg, 0, 'h')
	before, err := inst.Sync(t.Context(), segs)
	if err != nil {
		t.Fatal(err)
	}
	if err := seg.Grow(3 * arena.PageSize); err != nil {
		t.Fatal(err)
	}
	after, err := inst.Sync(t.Context(), segs)
	if err != nil {
		t.Fatal(err)
	}
	if before[abi.SpaceData] == after[abi.SpaceData] {
		t.Fatal("the window did not move")
	}
	old, _ := inst.Bytes(before[abi.SpaceData], 1)
	got := []byte{old[0]}
	old[0] = 'g'
	write(seg, 0, 'x')
	if _, err := inst.Sync(t.Context(), segs); err != nil {
		t.Fatal(err)
	}
	window, _ := inst.Bytes(after[abi.SpaceData], 1)
	if diff := cmp.Diff([]byte{0, 'g', 'x'}, append(got, old[0], window[0])); diff != "" {
		t.Errorf("old window before and after a guest's write, new window (-want,+got):\n%s", diff)
	}
}
