// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostile

import (
	"fmt"
	"math"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// blobs is what calls leave in NewState, whether it is state, a sort key or a signature.
func blobs() (out []Guest) {
	for place, limit := range map[string]uint32{
		AddPod: 64 << 10, RemovePod: 64 << 10, Reserve: 64 << 10, Permit: 64 << 10, PreBind: 64 << 10,
		QueueSort: 256, Sign: 256,
	} {
		leave := func(name string, want Outcome, addr, n uint32) {
			out = append(out, answer("state-"+name, place, want, wt.SetSpan(newStateField, addr, n), success()))
		}
		leave("of-4-gib", broken, 0, 0xffffffff)
		leave("of-2-gib", broken, 1<<31, 1<<31)
		leave("outside", broken, 0xfffffff0, 32)
		leave("negative", broken, 1024, 0xfffffc00)
		leave("too-large", broken, 0, limit+1)
		leave("as-large-as-may-be", Outcome{}, 0, limit)
		leave("of-no-bytes", Outcome{}, 8, 0)
		out = append(out, answer("state-that-changes", place, Outcome{},
			wt.Const(listAt), wt.Load(listAt), wt.Const(1), wt.Add(), wt.StoreTop(), wt.SetSpan(newStateField, listAt, 4), success()))
	}
	// What these leave is nobody's.
	for _, place := range []string{PreEnqueue, PostFilter, Unreserve, Bind, PostBind, GeneratePlacements} {
		out = append(out, guest("state-for-nobody", place, Outcome{}, nil, func(p *wt.Policy) {
			p.Body(Export(place), wt.SetSpan(newStateField, 0, 0xffffffff), p.Bodies[Export(place)])
		}))
	}
	return sorted(out)
}

// waits is Permit's Wait.
func waits() (out []Guest) {
	wait := func(name string, want Outcome, nanos int64, keyAddr, keyLen uint32) {
		out = append(out, answer("wait-"+name, Permit, want, wt.Store64(wt.FrameAt+uint32(timeoutField), nanos),
			wt.SetSpan(keyField, keyAddr, keyLen), wt.Const(uint32(abi.Wait))))
	}
	waiting := Outcome{Result: Waiting}
	wait("of-no-time", broken, 0, 0, 0)
	wait("of-negative-time", broken, -1, 0, 0)
	wait("of-least-time", broken, math.MinInt64, 0, 0)
	wait("forever", waiting, math.MaxInt64, 0, 0)
	wait("for-an-hour", waiting, 3600e9, listAt, 8)
	wait("for-a-key-outside", broken, 1e9, 0xfffffff0, 32)
	wait("for-a-key-of-4-gib", broken, 1e9, 0, 0xffffffff)
	wait("for-a-key-too-long", broken, 1e9, 0, 257)
	wait("for-the-longest-key", waiting, 1e9, 0, 256)
	// Without Wait nobody looks at these.
	return append(out, answer("no-wait-with-a-key-outside", Permit, Outcome{},
		wt.Store64(wt.FrameAt+uint32(timeoutField), -1), wt.SetSpan(keyField, 0xfffffff0, 0xffffffff), success()))
}

// nominations is nodes that PostFilter chooses.
func nominations() (out []Guest) {
	nominate := func(name string, want Outcome, addr, n uint32, slots ...uint32) {
		var store []byte
		for i, slot := range slots {
			store = append(store, wt.Store(listAt+uint32(4*i), slot)...)
		}
		out = append(out, answer("nomination-"+name, PostFilter, want, store, wt.SetSpan(subsetField, addr, n), success()))
	}
	nominate("of-nothing", broken, 0, abi.AllNodes)
	nominate("of-no-node", broken, listAt, 0)
	nominate("of-two-nodes", broken, listAt, 2, 0, 1)
	nominate("of-4-gib", broken, 0, 0xfffffffe)
	nominate("outside", broken, 0xfffffff0, 1)
	nominate("misaligned", broken, listAt+1, 1, 0)
	nominate("of-an-unknown-slot", broken, listAt, 1, 0x7fffffff)
	nominate("of-an-unknown-copy", broken, listAt, 1, 0xfffffffe)
	nominate("of-a-copy", broken, listAt, 1, abi.ScratchSlot|77)
	nominate("of-any-slot", Outcome{Result: Anything}, listAt, 1, 0)
	return out
}

// Named is the UIDs of pods that a test may have: one that a policy may evict, and one that it must not.
const (
	Evictable = "evictable"
	Superior  = "superior-to-all-of-them"
)

// victims is pods that PostFilter and its like for groups want to have evicted.
func victims() (out []Guest) {
	for _, place := range []string{PostFilter, PodGroupPostFilter} {
		evict := func(name string, want Outcome, addr, n uint32, code ...[]byte) {
			out = append(out, answer("victims-"+name, place, want, wt.Code(code...), wt.SetSpan(victimsField, addr, n), success()))
		}
		uid := func(uid string) []byte { return wt.Code(text(listAt, uid), span(spansAt, listAt, uint32(len(uid)))) }
		evict("of-4-gib", broken, 0, 0xffffffff)
		evict("that-wrap", broken, 8, 1<<29+1)
		evict("outside", broken, 0xfffffff0, 4)
		evict("misaligned", broken, spansAt+2, 1)
		evict("too-many", broken, spansAt, 1025)
		evict("nameless", broken, spansAt, 1, span(spansAt, 0, 0))
		evict("as-many-as-may-be", broken, 2048, 1024)
		evict("unknown", broken, spansAt, 1, uid("nobody"))
		evict("with-a-uid-of-4-gib", broken, spansAt, 1, span(spansAt, 0, 0xffffffff))
		evict("with-a-uid-outside", broken, spansAt, 1, span(spansAt, 0xfffffff0, 32))
		evict("with-a-uid-too-long", broken, spansAt, 1, span(spansAt, 0, 65))
		evict("with-a-uid-of-junk", broken, spansAt, 1, wt.Store(listAt, 0x1b9b0a0d), span(spansAt, listAt, 4))
		evict("superior", broken, spansAt, 1, uid(Superior))
		evict("repeated", Outcome{Result: Anything}, spansAt, 3, uid(Evictable),
			span(spansAt+8, listAt, uint32(len(Evictable))), span(spansAt+16, listAt, uint32(len(Evictable))))
		// An answer that is not Success has no victims, but lies all the same.
		out = append(out, answer("victims-that-are-not-meant", place, broken,
			wt.SetSpan(victimsField, 0, 0xffffffff), wt.Const(uint32(abi.Unschedulable))))
	}
	return sorted(out)
}

// text stores a string with what comes behind it, some zeros.
func text(at uint32, s string) (code []byte) {
	for b := []byte(s + "\x00\x00\x00"); len(b) >= 4; b, at = b[4:], at+4 {
		code = append(code, wt.Store(at, uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24)...)
	}
	return code
}

// ranks is RankVictims with ranks of all pods that are not what they should be.
func ranks() []Guest {
	fill := func(b uint32) []byte {
		return wt.Code(firstResult(), wt.Const(b), wt.Const(1024), wt.MemoryFill(), success())
	}
	rank := func(name string, want Outcome, change func(p *wt.Policy)) Guest {
		return guest("ranks-"+name, RankVictims, want, nil, change)
	}
	return []Guest{
		rank("all-highest", Outcome{Result: Anything}, func(p *wt.Policy) { p.Body(abi.ExportRankVictims, fill(0xff)) }),
		rank("unwritten", Outcome{Result: Anything}, func(p *wt.Policy) { p.Body(abi.ExportRankVictims, success()) }),
		rank("without-reading-pods", Outcome{Result: Refused, Text: "ranks victims without"}, func(p *wt.Policy) { p.Descriptor.Reads &^= abi.NodePods }),
	}
}

// annotations is what binding gives the pod.
func annotations() (out []Guest) {
	annotate := func(name string, want Outcome, addr, n uint32, code ...[]byte) {
		out = append(out, answer("annotations-"+name, Bind, want, wt.Code(code...), wt.SetSpan(annotationsField, addr, n), success()))
	}
	of := func(key, keyLen, value, valueLen uint32) []byte {
		return wt.Code(span(spansAt, key, keyLen), span(spansAt+8, value, valueLen))
	}
	annotate("of-4-gib", broken, 0, 0xffffffff)
	annotate("that-wrap", broken, 16, 1<<28+1)
	annotate("too-many", broken, spansAt, 17)
	annotate("outside", broken, 0xfffffff0, 2)
	annotate("misaligned", broken, spansAt+1, 1)
	annotate("with-a-key-of-4-gib", broken, spansAt, 1, of(0, 0xffffffff, 0, 0))
	annotate("with-a-key-outside", broken, spansAt, 1, of(0xfffffff0, 32, 0, 0))
	annotate("with-a-key-too-long", broken, spansAt, 1, of(0, 318, 0, 0))
	annotate("with-a-value-of-4-gib", broken, spansAt, 1, of(0, 1, 0, 0xffffffff))
	annotate("with-a-value-outside", broken, spansAt, 1, of(0, 1, 0xfffffff0, 32))
	annotate("with-a-value-too-long", broken, spansAt, 1, of(0, 1, 0, 4<<10+1))
	// The API server judges what is in them.
	annotate("of-junk", Outcome{Result: Anything}, spansAt, 1, wt.Store(listAt, 0xff1b0a9b), of(listAt, 4, listAt, 4))
	annotate("without-names", Outcome{Result: Anything}, spansAt, 16)
	return append(out, answer("annotations-without-binding", Bind, Outcome{},
		wt.SetSpan(annotationsField, 0, 0xffffffff), wt.Const(uint32(abi.Skip))))
}

// placements is how a group may be placed.
func placements() (out []Guest) {
	place := func(name string, want Outcome, addr, n uint32, code ...[]byte) {
		out = append(out, answer("placements-"+name, GeneratePlacements, want, wt.Code(code...), wt.SetSpan(placementsField, addr, n), success()))
	}
	of := func(name, nameLen, slots, count uint32) []byte {
		return wt.Code(span(placementAt, name, nameLen), span(placementAt+8, slots, count))
	}
	place("of-4-gib", broken, 0, 0xffffffff)
	place("that-wrap", broken, 16, 1<<28+1)
	place("too-many", broken, placementAt, 1025)
	place("outside", broken, 0xfffffff0, 2)
	place("misaligned", broken, placementAt+2, 1)
	place("with-slots-of-4-gib", broken, placementAt, 1, of(0, 0, 0, 0xffffffff))
	place("with-slots-outside", broken, placementAt, 1, of(0, 0, 0xfffffff0, 1))
	place("with-more-slots-than-nodes", broken, placementAt, 1, of(0, 0, 0, 1<<16))
	place("with-misaligned-slots", broken, placementAt, 1, of(0, 0, listAt+1, 1))
	place("with-a-foreign-slot", broken, placementAt, 1, wt.Store(listAt, 0x7ffffff0), of(0, 0, listAt, 1))
	place("with-a-foreign-copy", broken, placementAt, 1, wt.Store(listAt, 0xfffffff0), of(0, 0, listAt, 1))
	place("with-a-name-of-4-gib", broken, placementAt, 1, of(0, 0xffffffff, 0, 0))
	place("with-a-name-outside", broken, placementAt, 1, of(0xfffffff0, 32, 0, 0))
	place("with-a-name-too-long", broken, placementAt, 1, of(0, 1025, 0, 0))
	place("without-nodes", Outcome{Result: Rejected}, placementAt, 1, of(0, 0, 0, 0))
	place("none", Outcome{Result: Rejected}, 0, 0)
	// 1,024 placements, each with the same nodes and a name of a KiB, whose memory overlaps.
	many := guest("placements-that-overlap", GeneratePlacements, Outcome{}, nil, func(p *wt.Policy) {
		p.Body(abi.ExportGeneratePlacements, wt.Store(listAt, 0), wt.Loop(
			overlapping(0, wt.Const(0)), overlapping(4, wt.Const(1000)),
			overlapping(8, frameField(slotsField)), overlapping(12, frameField(slotCountField)),
			wt.Const(listAt), wt.Load(listAt), wt.Const(16), wt.Add(), wt.StoreTop(),
			wt.Load(listAt), wt.Const(1024*16), wt.Less(), wt.BrIf(0)),
			wt.SetSpan(placementsField, 16<<10, 1024), success())
	})
	return append(out, many)
}

// overlapping stores a field of the placement that the offset at listAt selects.
func overlapping(field uint32, value []byte) []byte {
	return wt.Code(wt.Load(listAt), wt.Const(16<<10+field), wt.Add(), value, wt.StoreTop())
}

// placementScores is ScorePlacement with scores that are out of range.
func placementScores() (out []Guest) {
	for name, bits := range map[string]uint64{
		"below": math.MaxUint64, "above": 101, "least": 1 << 63, "most": 1<<63 - 1,
		"nan": math.Float64bits(math.NaN()), "half": math.Float64bits(0.5),
	} {
		out = append(out, answer("score-"+name, ScorePlacement, broken.saying(fmt.Sprint(int64(bits))),
			firstResult(), wt.Const64(int64(bits)), wt.Store64Top(), success()))
	}
	return sorted(out)
}

// reentrant is guests that call the export that runs.
func reentrant() (out []Guest) {
	for _, place := range Later() {
		b := behaviour{name: "calling-itself", want: faults(stack), code: func(p *wt.Policy) []byte {
			return wt.Code(wt.Call(p.Index(Export(place))), wt.Drop())
		}}
		out = append(out, b.in(place))
	}
	return out
}

// indecisive is guests that answer otherwise each time, which they may.
func indecisive() (out []Guest) {
	// turns is 0 and 1 in turn.
	turns := wt.Code(wt.Const(listAt), wt.Load(listAt), wt.Const(1), wt.Add(), wt.StoreTop(),
		wt.Load(listAt), wt.Const(1), []byte{0x71})
	for place, code := range map[string]abi.Code{
		QueueingHint: abi.Skip, Sign: abi.Unschedulable, PreBindPreFlight: abi.Skip, Bind: abi.Skip,
	} {
		out = append(out, answer("undecided", place, Outcome{}, turns, wt.Const(uint32(code)), wt.Multiply()))
	}
	return sorted(out)
}
