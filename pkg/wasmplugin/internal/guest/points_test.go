// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// begun is a guest of the policy, ready for calls.
func begun(t *testing.T, p *wt.Policy) *guest.Guest {
	t.Helper()
	pool, err := newPool(t, p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := pool.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Discard(t.Context(), g); err != nil {
			t.Error(err)
		}
	})
	begin(t, g, &guest.Cycle{ID: 1, Pod: make([]byte, 64), State: []byte("state")})
	return g
}

func begin(t *testing.T, g *guest.Guest, c *guest.Cycle) {
	t.Helper()
	if err := g.Begin(t.Context(), &guest.World{Nodes: 3, Parts: abi.NodeLabels, Epoch: 9}, c, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

var three = guest.Batch{Slots: []uint32{4, 5, 6}}

// resultsAt is where Results are in a batch of n slots: behind the slots, aligned.
func resultsAt(n int) uint32 { return wt.BufferRoom*(abi.BufferBatch+1) + uint32((4*n+7)&^7) }

func TestFilter(t *testing.T) {
	verdicts := func(v ...abi.Verdict) (code []byte) {
		for i, n := range v {
			code = append(code, wt.Store(resultsAt(len(v))+uint32(4*i), uint32(n))...)
		}
		return append(code, wt.Const(0)...)
	}
	reasons := wt.Code(
		wt.SetSpan(reasonsField, 2048, 2),
		wt.Store(2048, wt.TextAt), wt.Store(2052, 4),
		wt.Store(2056, wt.TextAt+4), wt.Store(2060, 6))
	pass := guest.Verdict{}
	for name, tc := range map[string]struct {
		body []byte
		want []guest.Verdict
	}{
		"nothing said": {wt.Const(0), []guest.Verdict{pass, pass, pass}},
		"one fails": {
			verdicts(abi.MakeVerdict(abi.Success, 0), abi.MakeVerdict(abi.Unschedulable, 0), abi.MakeVerdict(abi.Success, 0)),
			[]guest.Verdict{pass, {Code: abi.Unschedulable}, pass},
		},
		"with reasons": {
			wt.Code(reasons, verdicts(abi.MakeVerdict(abi.Unschedulable, 1), abi.MakeVerdict(abi.UnschedulableAndUnresolvable, 2), abi.MakeVerdict(abi.Unschedulable, 1))),
			[]guest.Verdict{
				{Code: abi.Unschedulable, Reason: "full"}, {Code: abi.UnschedulableAndUnresolvable, Reason: "zone b"},
				{Code: abi.Unschedulable, Reason: "full"},
			},
		},
		"all at once": {
			wt.Code(wt.SetSpan(textField, wt.TextAt, 4), wt.Const(uint32(abi.Error))),
			[]guest.Verdict{{Code: abi.Error, Reason: "full"}, {Code: abi.Error, Reason: "full"}, {Code: abi.Error, Reason: "full"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := begun(t, wt.NewPolicy().Text("fullzone b").Body(abi.ExportFilter, tc.body))
			got, err := filter(t, g)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("verdicts (-want,+got):\n%s", diff)
			}
		})
	}
}

func filter(t *testing.T, g *guest.Guest) (got []guest.Verdict, err error) {
	t.Helper()
	out := make([]*guest.Verdict, len(three.Slots))
	if err = g.Filter(t.Context(), three, out); err != nil {
		return nil, err
	}
	for _, v := range out {
		got = append(got, *v)
	}
	return got, nil
}

func TestFilterFaults(t *testing.T) {
	first := func(v uint32) []byte { return wt.Code(wt.Store(resultsAt(3), v), wt.Const(0)) }
	for name, tc := range map[string]struct {
		body []byte
		want string
	}{
		"unknown code":          {wt.Const(7), "unknown or misplaced code 7"},
		"giant code":            {wt.Const(0xffffffff), "unknown or misplaced code 4294967295"},
		"misplaced code":        {wt.Const(uint32(abi.Skip)), "unknown or misplaced code 5"},
		"verdict of no code":    {first(0xff), "verdict 0xff: code 255 with reason 0 of 0"},
		"misplaced verdict":     {first(uint32(abi.Wait)), "verdict 0x4: code 4 with reason 0 of 0"},
		"reason out of range":   {first(0x102), "verdict 0x102: code 2 with reason 1 of 0"},
		"reason of a success":   {wt.Code(wt.SetSpan(reasonsField, 2048, 1), first(0x200)), "verdict 0x200: code 0 with reason 2 of 1"},
		"reasons outside":       {wt.Code(wt.SetSpan(reasonsField, 0xfffffff0, 9), first(0x102)), "9 results at 0xfffffff0 are not inside of memory"},
		"too many reasons":      {wt.Code(wt.SetSpan(reasonsField, 2048, 0xffffffff), first(0x102)), "4294967295 results at 0x800 are not inside of memory"},
		"reasons misaligned":    {wt.Code(wt.SetSpan(reasonsField, 2049, 1), first(0x102)), "1 results at 0x801 are not inside of memory"},
		"reason's text outside": {wt.Code(wt.SetSpan(reasonsField, 2048, 1), wt.Store(2048, 0xfffffff0), wt.Store(2052, 99), first(0x102)), "reason of 99 bytes at 0xfffffff0 is outside of memory"},
		"text outside":          {wt.Code(wt.SetSpan(textField, 33<<16, 1), wt.Const(1)), "text of 1 bytes at 0x210000 is outside of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := filter(t, begun(t, wt.NewPolicy().Body(abi.ExportFilter, tc.body)))
			wantError(t, err, engine.ErrABI, "ABI violation in stowage_filter: "+tc.want)
		})
	}
}

func TestPreFilter(t *testing.T) {
	for name, tc := range map[string]struct {
		body []byte
		want guest.PreFilterResult
	}{
		"nothing said": {wt.Const(0), guest.PreFilterResult{}},
		"skip":         {wt.Const(uint32(abi.Skip)), guest.PreFilterResult{Verdict: guest.Verdict{Code: abi.Skip}}},
		"rejected": {
			wt.Code(wt.SetSpan(textField, wt.TextAt, 5), wt.Const(uint32(abi.UnschedulableAndUnresolvable))),
			guest.PreFilterResult{Verdict: guest.Verdict{Code: abi.UnschedulableAndUnresolvable, Reason: "hello"}},
		},
		"state": {
			wt.Code(wt.SetSpan(newStateField, wt.TextAt, 5), wt.Const(0)),
			guest.PreFilterResult{State: []byte("hello")},
		},
		"subset": {
			wt.Code(wt.Store(2048, 5), wt.Store(2052, 6), wt.SetSpan(subsetField, 2048, 2), wt.Const(0)),
			guest.PreFilterResult{Subset: []uint32{5, 6}, Restricted: true},
		},
		"no node at all": {
			wt.Code(wt.SetSpan(subsetField, 2048, 0), wt.Const(0)),
			guest.PreFilterResult{Subset: []uint32{}, Restricted: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := begun(t, wt.NewPolicy().Text("hello").Body(abi.ExportPreFilter, tc.body)).PreFilter(t.Context(), three)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("result (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestPreFilterFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		body []byte
		want string
	}{
		"misplaced code":    {wt.Const(uint32(abi.Pending)), "unknown or misplaced code 6"},
		"state too large":   {wt.Code(wt.SetSpan(newStateField, 0, 64<<10+1), wt.Const(0)), "state of 65537 bytes at 0x0; the limit is 65536"},
		"state outside":     {wt.Code(wt.SetSpan(newStateField, 33<<16-1, 2), wt.Const(0)), "state of 2 bytes at 0x20ffff; the limit is 65536"},
		"subset outside":    {wt.Code(wt.SetSpan(subsetField, 33<<16-4, 2), wt.Const(0)), "2 results at 0x20fffc are not inside of memory"},
		"subset too large":  {wt.Code(wt.SetSpan(subsetField, 0, 0xfffffffe), wt.Const(0)), "subset of 4294967294 slots; there are 3"},
		"subset misaligned": {wt.Code(wt.SetSpan(subsetField, 2050, 1), wt.Const(0)), "1 results at 0x802 are not inside of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := begun(t, wt.NewPolicy().Body(abi.ExportPreFilter, tc.body)).PreFilter(t.Context(), three)
			wantError(t, err, engine.ErrABI, "ABI violation in stowage_pre_filter: "+tc.want)
		})
	}
}

func TestPreScore(t *testing.T) {
	for code, want := range map[abi.Code]string{
		abi.Success: "", abi.Skip: "", abi.Error: "",
		abi.Unschedulable: "ABI violation in stowage_pre_score: unknown or misplaced code 2",
		64:                "ABI violation in stowage_pre_score: unknown or misplaced code 64",
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			got, err := begun(t, wt.NewPolicy().Body(abi.ExportPreScore, wt.Const(uint32(code)))).PreScore(t.Context(), three)
			if want != "" {
				wantError(t, err, engine.ErrABI, want)
			} else if err != nil || got.Code != code {
				t.Errorf("PreScore = %v, %v, want code %d", got, err, code)
			}
		})
	}
}

func scores(s ...int64) (code []byte) {
	for i, n := range s {
		code = append(code, wt.Store64(resultsAt(len(s))+uint32(8*i), n)...)
	}
	return append(code, wt.Const(0)...)
}

func TestScore(t *testing.T) {
	p := wt.NewPolicy().Body(abi.ExportScore, scores(1, -1<<62, 1<<62)).Body(abi.ExportNormalizeScore, scores(7, 8, 9))
	g := begun(t, p)
	got := make([]int64, 3)
	for name, step := range map[string]struct {
		call func() (guest.Verdict, error)
		want []int64
	}{
		"Score":     {func() (guest.Verdict, error) { return g.Score(t.Context(), three, got) }, []int64{1, -1 << 62, 1 << 62}},
		"Normalize": {func() (guest.Verdict, error) { return g.Normalize(t.Context(), three, got) }, []int64{7, 8, 9}},
	} {
		if v, err := step.call(); err != nil || v != (guest.Verdict{}) {
			t.Errorf("%s = %v, %v", name, v, err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: scores (-want,+got):\n%s", name, diff)
		}
	}
}

// A policy that changes nothing gives the scores back, and one that fails leaves them alone.
func TestNormalizeGetsTheScores(t *testing.T) {
	for name, body := range map[string][]byte{"success": wt.Const(0), "error": wt.Code(scores(7, 8, 9), wt.Drop(), wt.Const(1))} {
		t.Run(name, func(t *testing.T) {
			got := []int64{3, 2, 1}
			if _, err := begun(t, wt.NewPolicy().Body(abi.ExportNormalizeScore, body)).Normalize(t.Context(), three, got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]int64{3, 2, 1}, got); diff != "" {
				t.Errorf("scores (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestScoreFaults(t *testing.T) {
	for _, export := range []string{abi.ExportScore, abi.ExportNormalizeScore} {
		t.Run(export, func(t *testing.T) {
			g := begun(t, wt.NewPolicy().Body(export, wt.Const(uint32(abi.Unschedulable))))
			call := g.Score
			if export == abi.ExportNormalizeScore {
				call = g.Normalize
			}
			_, err := call(t.Context(), three, make([]int64, 3))
			wantError(t, err, engine.ErrABI, "ABI violation in "+export+": unknown or misplaced code 2")
		})
	}
}

func TestInRange(t *testing.T) {
	for score, want := range map[int64]string{
		0: "", 100: "", 55: "",
		-1:       "ABI violation in stowage_score: score -1 is not in [0, 100]",
		101:      "ABI violation in stowage_score: score 101 is not in [0, 100]",
		-1 << 63: "ABI violation in stowage_score: score -9223372036854775808 is not in [0, 100]",
	} {
		err := guest.InRange(abi.ExportScore, score)
		if want != "" {
			wantError(t, err, engine.ErrABI, want)
		} else if err != nil {
			t.Errorf("InRange(%d): %v", score, err)
		}
	}
}

// What a guest sees of a call: it leaves the whole frame as its state.
func TestFrame(t *testing.T) {
	size := uint32(unsafe.Sizeof(abi.Frame{}))
	p := wt.NewPolicy().Body(abi.ExportPreFilter, wt.SetSpan(newStateField, wt.FrameAt, size), wt.Const(0))
	g := begun(t, p)
	for _, c := range []*guest.Cycle{
		{ID: 2, Pod: make([]byte, 128), State: []byte("abc")},
		{ID: 2, Pod: make([]byte, 128), State: []byte("abc")},
		{ID: 3, Pod: make([]byte, 4096)},
	} {
		begin(t, g, c)
		r, err := g.PreFilter(t.Context(), guest.Batch{Slots: []uint32{1, 2, 3}, ScratchTable: make([]byte, 176), ScratchData: make([]byte, 40)})
		if err != nil {
			t.Fatal(err)
		}
		var got abi.Frame
		if _, err := binary.Decode(r.State, binary.LittleEndian, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wantFrame(c, size), got, cmp.AllowUnexported(abi.Frame{})); diff != "" {
			t.Errorf("frame of cycle %d (-want,+got):\n%s", c.ID, diff)
		}
	}
}

func wantFrame(c *guest.Cycle, size uint32) abi.Frame {
	room := func(kind uint32) uint32 { return wt.BufferRoom * (kind + 1) }
	f := abi.Frame{
		Size: size, Cycle: c.ID, Epoch: 9, Parts: abi.NodeLabels, NodeCount: 3,
		Strides: wt.FrameAt + size, Pod: room(abi.BufferPod),
		State: abi.Span{Addr: room(abi.BufferPod) + uint32(len(c.Pod)), Len: uint32(len(c.State))},
		Slots: room(abi.BufferBatch), SlotCount: 3, Results: resultsAt(3), Scratch: room(abi.BufferScratch),
		NewState: abi.Span{Addr: wt.FrameAt, Len: size}, SubsetCount: abi.AllNodes,
	}
	f.Bases[abi.SpacePod], f.Bases[abi.SpaceScratch] = f.Pod, f.Scratch+176
	return f
}

// Slots, scratch and pod are where the frame says.
func TestArguments(t *testing.T) {
	for name, tc := range map[string]struct {
		addr uint32
		want []byte
	}{
		"slots":         {wt.BufferRoom * (abi.BufferBatch + 1), []byte{4, 0, 0, 0, 5, 0, 0, 0}},
		"scratch table": {wt.BufferRoom * (abi.BufferScratch + 1), []byte("table")},
		"scratch data":  {wt.BufferRoom*(abi.BufferScratch+1) + 8, []byte("data")},
		"pod":           {wt.BufferRoom * (abi.BufferPod + 1), []byte("the pod!")},
		"state":         {wt.BufferRoom*(abi.BufferPod+1) + 8, []byte("state")},
	} {
		t.Run(name, func(t *testing.T) {
			g := begun(t, wt.NewPolicy().Body(abi.ExportPreFilter, wt.SetSpan(newStateField, tc.addr, uint32(len(tc.want))), wt.Const(0)))
			begin(t, g, &guest.Cycle{ID: 2, Pod: []byte("the pod!"), State: []byte("state")})
			r, err := g.PreFilter(t.Context(), guest.Batch{Slots: []uint32{4, 5}, ScratchTable: []byte("table"), ScratchData: []byte("data")})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, r.State); diff != "" {
				t.Errorf("bytes (-want,+got):\n%s", diff)
			}
		})
	}
}

// Results of one call must not show in the next.
func TestResultsAreCleared(t *testing.T) {
	again := slices.Concat(
		wt.Load(wt.FrameAt+uint32(newStateField)+4), // non-zero if the last call's result is still there
		wt.SetSpan(newStateField, wt.TextAt, 5))
	g := begun(t, wt.NewPolicy().Text("hello").Body(abi.ExportPreFilter, again))
	for range 3 {
		r, err := g.PreFilter(t.Context(), three)
		if err != nil || r.Code != abi.Success {
			t.Fatalf("PreFilter = %v, %v, want success", r, err)
		}
	}
}
