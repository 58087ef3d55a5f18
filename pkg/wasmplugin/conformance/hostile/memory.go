// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// outOfMemory is a guest that traps because it got no more memory.
var outOfMemory = faults(memory)

// memories take all the memory that there is.
func memories() []behaviour {
	return []behaviour{
		{name: "memory-growth", want: outOfMemory, code: func(*wt.Policy) []byte { return growUntilRefused(1, nil, wt.Unreachable()) }},
		{name: "memory-growth-in-leaps", want: outOfMemory, code: func(*wt.Policy) []byte {
			return growUntilRefused(100, nil, wt.Unreachable())
		}},
		{name: "memory-growth-touching-all", want: outOfMemory, code: func(*wt.Policy) []byte {
			// The first byte of the last page.
			touch := wt.Code(wt.MemorySize(), wt.Const(1), wt.Subtract(), wt.Const(16), wt.ShiftLeft(), wt.Const(1), wt.StoreTop())
			return growUntilRefused(1, touch, wt.Unreachable())
		}},
		{name: "memory-growth-filling-all", want: faults(memory, fuel, deadline), code: func(*wt.Policy) []byte {
			fill := wt.Code(wt.Const(1<<20), wt.Const(0x55), wholeMemory(), wt.Const(1<<20), wt.Subtract(), wt.MemoryFill())
			return growUntilRefused(16, fill, wt.Unreachable())
		}},
		// Whoever comes next finds no room for another buffer, which may or may not be needed.
		{name: "memory-hoarding", want: Outcome{Result: Anything}, code: func(*wt.Policy) []byte {
			return growUntilRefused(1, nil, wt.Br(2))
		}},
		{name: "memory-growth-of-4-gib", want: Outcome{}, code: func(*wt.Policy) []byte {
			return wt.Code(wt.Const(0xffff), wt.Grow(), wt.Drop(), wt.Const(0xffffffff), wt.Grow(), wt.Drop())
		}},
	}
}

// growUntilRefused grows memory by pages each time and runs code after each success and in the
// end, where Br(2) goes on behind it all.
func growUntilRefused(pages uint32, grown, refused []byte) []byte {
	return wt.Block(wt.Loop(
		wt.Const(pages), wt.Grow(), wt.Const(0xffffffff), wt.Equal(), wt.If(refused),
		grown, wt.Br(0)))
}

// overwrites write over everything that the guest can reach: its data, the frame, slots,
// results, and the windows on the snapshot.
func overwrites() (out []Guest) {
	for place, want := range map[string]struct{ zeros, junk Outcome }{
		Describe:       {Outcome{Result: LoadFault, Kinds: []string{violation}}, Outcome{Result: LoadFault, Kinds: []string{violation}}},
		Configure:      {Outcome{}, Outcome{Result: LoadFault, Kinds: []string{violation}}},
		Buffer:         {Outcome{Result: Anything}, Outcome{Result: Anything}},
		PreFilter:      {Outcome{Result: Rejected}, faults(violation)},
		Filter:         {Outcome{}, faults(violation)},
		PreScore:       {Outcome{}, Outcome{}},
		Score:          {Outcome{}, faults(violation)},
		NormalizeScore: {Outcome{}, faults(violation)},
	} {
		out = append(out, overwriting("zeros", place, 0, want.zeros), overwriting("junk", place, 0xaa, want.junk))
	}
	return sorted(out)
}

func overwriting(name, place string, with uint32, want Outcome) Guest {
	return guest("overwriting-all-with-"+name, place, want, nil, func(p *wt.Policy) {
		if place == Score {
			// What it returns is then what counts.
			p.Descriptor.Points &^= abi.PointNormalizeScore
		}
		last := wt.Code(wt.Const(0), wt.Const(with), wholeMemory(), wt.MemoryFill())
		p.Body(Export(place), last, regularEnd(p, place))
	})
}

// regularEnd is what a place returns in the end.
func regularEnd(p *wt.Policy, place string) []byte {
	if place == Describe || place == Buffer {
		return p.Bodies[Export(place)]
	}
	return success()
}
