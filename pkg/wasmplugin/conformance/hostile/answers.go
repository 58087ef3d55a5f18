// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// listAt is where lies about lists point to that are not outside of memory.
const listAt = wt.TextAt + 1024

var broken = faults(violation)

// answer is a guest that does something in a place and returns a code of its own.
func answer(name, place string, want Outcome, code ...[]byte) Guest {
	return guest(name, place, want.in(place), nil, func(p *wt.Policy) {
		p.Body(Export(place), code...)
		if place == Score {
			// What it returns is then what counts.
			p.Descriptor.Points &^= abi.PointNormalizeScore
		}
	})
}

func sorted(list []Guest) []Guest {
	slices.SortFunc(list, func(a, b Guest) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// codes is each place that answers with a code, answering with one that it may not.
func codes() (out []Guest) {
	misplaced := map[string]abi.Code{
		Configure: abi.Skip, PreFilter: abi.Wait, Filter: abi.Unschedulable, PreScore: abi.Unschedulable, Score: abi.Skip,
		NormalizeScore: abi.Pending,
		PreEnqueue:     abi.Wait, QueueSort: abi.Unschedulable, Sign: abi.Skip, QueueingHint: abi.Unschedulable,
		AddPod: abi.Skip, RemovePod: abi.Unschedulable, PostFilter: abi.Wait, RankVictims: abi.Skip,
		Reserve: abi.Skip, Unreserve: abi.Unschedulable, Permit: abi.Pending, PreBindPreFlight: abi.Unschedulable,
		PreBind: abi.Wait, Bind: abi.Unschedulable, PostBind: abi.Skip,
		GeneratePlacements: abi.Unschedulable, ScorePlacement: abi.Skip, PodGroupPostFilter: abi.Wait,
	}
	for place, code := range misplaced {
		for name, n := range map[string]uint32{
			"misplaced-code": uint32(code), "code-7": 7, "code-64": 64, "code-256": 256, "giant-code": 0xffffffff, "code-2-31": 1 << 31,
		} {
			out = append(out, answer(name, place, broken, wt.Const(n)))
		}
	}
	return sorted(out)
}

// texts is an error with a reason that is not what it should be.
func texts() (out []Guest) {
	fail := func(name, place string, want Outcome, addr, n uint32, before ...[]byte) Guest {
		return answer(name, place, want, wt.Code(before...), wt.SetSpan(textField, addr, n), wt.Const(uint32(failureIn(place))))
	}
	for _, place := range slices.Concat([]string{Configure}, Points(), Later()) {
		refused := Outcome{Result: Rejected}
		switch {
		case slices.Contains([]string{QueueSort, QueueingHint, Objects, Idle}, place):
			// There is no reason to read.
			continue
		case place == Configure:
			refused = Outcome{Result: LoadFault}
		case places[place].harm == silent || place == PreBindPreFlight:
			refused = Outcome{}
		}
		out = append(out,
			fail("text-of-4-gib", place, broken, 0, 0xffffffff),
			fail("text-outside", place, broken, 0xfffffff0, 32),
			fail("text-across-the-end", place, broken, goodPages<<16-1, 1<<31),
			fail("text-of-256-kib", place, refused, 0, 1<<18),
			fail("text-of-junk", place, refused, 1<<18, 5000, wt.Const(1<<18), wt.Const(0x9b), wt.Const(5000), wt.MemoryFill()),
		)
	}
	return out
}

// failureIn is a code that comes with a reason.
func failureIn(place string) abi.Code {
	switch place {
	case Sign:
		return abi.Unschedulable
	case PreBindPreFlight:
		return abi.Skip
	}
	return abi.Error
}

// states is what PreFilter leaves for later calls.
func states() []Guest {
	state := func(name string, want Outcome, addr, n uint32) Guest {
		return answer("state-"+name, PreFilter, want, wt.SetSpan(newStateField, addr, n), success())
	}
	return []Guest{
		state("of-4-gib", broken, 0, 0xffffffff), state("of-2-gib", broken, 1<<31, 1<<31), state("outside", broken, 0xfffffff0, 32),
		state("too-large", broken, 0, 64<<10+1), state("negative", broken, 1024, 0xfffffc00),
		state("as-large-as-may-be", Outcome{}, 0, 64<<10), state("of-the-frame", Outcome{}, wt.FrameAt, 152),
		answer("state-that-changes", PreFilter, Outcome{},
			wt.Const(listAt), wt.Load(listAt), wt.Const(1), wt.Add(), wt.StoreTop(), wt.SetSpan(newStateField, listAt, 4), success()),
	}
}

// subsets is nodes that PreFilter restricts the pod to.
func subsets() []Guest {
	subset := func(name string, want Outcome, addr, n uint32, slots ...uint32) Guest {
		var store []byte
		for i, slot := range slots {
			store = append(store, wt.Store(listAt+uint32(4*i), slot)...)
		}
		code := wt.Code(store, wt.SetSpan(subsetField, addr, n), success())
		return guest("subset-"+name, PreFilter, want, nil, func(p *wt.Policy) {
			// Who restricts pods to slots knows the table.
			p.Body(abi.ExportPreFilter, code).Descriptor.Reads |= abi.NodeTable
		})
	}
	return []Guest{
		subset("of-4-gib", broken, 0, 0xfffffffe), subset("of-1-gib", broken, 0, 1<<30), subset("that-wraps", broken, 4, 1<<30+1),
		subset("outside", broken, 0xfffffff0, 8), subset("misaligned", broken, listAt+1, 1, 0),
		subset("of-unknown-slots", broken, listAt, 2, 0xfffffffe, 0x7fffffff), subset("of-scratch", broken, listAt, 1, abi.ScratchSlot),
		subset("of-no-node", Outcome{Result: Rejected}, listAt, 0), subset("of-one-node-often", Outcome{}, listAt, 3, 0, 0, 0),
		subset("of-256-kib", broken, 0, 1<<16),
	}
}

// verdicts is Filter's answers on single nodes.
func verdicts() (out []Guest) {
	first := func(v uint32) []byte {
		return wt.Code(clearResults(4), firstResult(), wt.Const(v), wt.StoreTop(), success())
	}
	reasons := func(addr, n uint32) []byte { return wt.SetSpan(reasonsField, addr, n) }
	verdict := func(name string, want Outcome, code ...[]byte) {
		out = append(out, answer(name, Filter, want, code...))
	}
	verdict("verdict-of-no-code", broken, first(0xff))
	verdict("verdict-misplaced", broken, first(uint32(abi.Skip)))
	verdict("verdict-all-ones", broken, first(0xffffffff))
	verdict("verdict-with-unknown-reason", broken, first(0x102))
	verdict("verdict-with-reason-behind-the-last", broken, reasons(listAt, 1), first(0x202))
	verdict("reasons-outside", broken, reasons(0xfffffff0, 9), first(0x102))
	verdict("reasons-of-4-gib", broken, reasons(0, 0xffffffff), first(0x102))
	verdict("reasons-that-wrap", broken, reasons(8, 1<<29), first(0x102))
	verdict("reasons-misaligned", broken, reasons(listAt+1, 1), first(0x102))
	verdict("reason-outside", broken, reasons(listAt, 1), wt.Store(listAt, 0xfffffff0), wt.Store(listAt+4, 99), first(0x102))
	verdict("reason-of-4-gib", broken, reasons(listAt, 1), wt.Store(listAt, 0), wt.Store(listAt+4, 0xffffffff), first(0x102))
	verdict("reason-of-256-kib", Outcome{}, reasons(listAt, 1), wt.Store(listAt, 0), wt.Store(listAt+4, 1<<18), first(0x102))
	verdict("reasons-that-nobody-reads", Outcome{}, reasons(0xfffffff0, 0xffffffff), clearResults(4), success())
	return append(out,
		answer("verdicts-unwritten", Filter, Outcome{Result: Anything}, success()),
		answer("reason-new-in-each-call", Filter, Outcome{Result: Rejected}, reasonAlways(wt.Code(
			wt.Const(listAt+8), wt.Load(listAt+8), wt.Const(1), wt.Add(), wt.StoreTop()))),
		answer("reason-of-controls", Filter, Outcome{Result: Rejected}, reasonAlways(wt.Store(listAt+8, 0x1b0a0d07))))
}

// reasonAlways rejects every node with the 1 KiB behind listAt+8, after some code.
func reasonAlways(before []byte) []byte {
	return wt.Code(before, wt.SetSpan(reasonsField, listAt, 1), wt.Store(listAt, listAt+8), wt.Store(listAt+4, 1024),
		// All of the verdict's bytes are 2, but for the reason: fill, then correct each in turn.
		eachResult(wt.Const(uint32(abi.MakeVerdict(abi.Unschedulable, 1)))), success())
}

// eachResult stores an i32 in each result. It counts in memory, since exports have no variables.
func eachResult(value []byte) []byte {
	const i = wt.TextAt
	return wt.Code(wt.Store(i, 0), wt.Loop(
		frameField(resultsField), wt.Load(i), wt.Const(2), wt.ShiftLeft(), wt.Add(), value, wt.StoreTop(),
		wt.Const(i), wt.Load(i), wt.Const(1), wt.Add(), wt.StoreTop(),
		wt.Load(i), frameField(slotCountField), wt.Less(), wt.BrIf(0)))
}

// scores is Score and NormalizeScore with scores that are out of range.
func scores() (out []Guest) {
	for name, bits := range map[string]uint64{
		"below": uint64(math.MaxUint64), "above": 101, "least": 1 << 63, "most": 1<<63 - 1,
		"nan": math.Float64bits(math.NaN()), "infinity": math.Float64bits(math.Inf(1)), "half": math.Float64bits(0.5),
	} {
		for _, place := range []string{Score, NormalizeScore} {
			set := wt.Code(clearResults(8), firstResult(), wt.Const64(int64(bits)), wt.Store64Top(), success())
			out = append(out, answer("score-"+name, place, broken.saying(fmt.Sprint(int64(bits))), set))
		}
	}
	extremes := guest("score-extremes-normalized", Score, Outcome{}, nil, func(p *wt.Policy) {
		p.Body(abi.ExportScore, clearResults(8), firstResult(), wt.Const64(math.MinInt64), wt.Store64Top(), success())
		p.Body(abi.ExportNormalizeScore, clearResults(8), success())
	})
	return append(sorted(out), extremes)
}
