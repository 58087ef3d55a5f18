// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Whatever a guest says about itself is either accepted or refused with a kind of error that
// callers know.
func FuzzDescriptor(f *testing.F) {
	f.Add([]byte("STOW\x38\x00\x00\x00\x01\x00\x00\x00"), uint32(wt.DescriptorAt))
	f.Add([]byte("STOW\xff\xff\xff\xff\x01\x00"), uint32(wt.DescriptorAt))
	f.Add([]byte{}, uint32(0xfffffff8))
	f.Fuzz(func(t *testing.T, descriptor []byte, addr uint32) {
		p := wt.NewPolicy().Body(abi.ExportDescribe, wt.Const(addr))
		p.Data[wt.DescriptorAt] = descriptor[:min(len(descriptor), 512)]
		_, err := newPool(t, p)
		wantKnown(t, err)
	})
}

// Whatever a guest leaves in its frame, the host reads inside of the guest's memory only.
func FuzzResults(f *testing.F) {
	size := int(unsafe.Sizeof(abi.Frame{}) - textField)
	for _, words := range [][]uint32{
		{}, {wt.TextAt, 5}, {0xffffffff, 0xffffffff}, {0, 0, 2048, 3}, {0, 0, 33<<16 - 8, 2, 0xfffffffc, 8, 4, 0x40000000},
	} {
		var seed []byte
		for _, w := range words {
			seed = binary.LittleEndian.AppendUint32(seed, w)
		}
		f.Add(seed, uint32(0), uint32(0x102))
		f.Add(seed, uint32(2), uint32(0xffffff03))
	}
	f.Fuzz(func(t *testing.T, results []byte, code, verdict uint32) {
		body := wt.Store(resultsAt(3), verdict)
		for i := 0; i+4 <= min(len(results), size); i += 4 {
			body = append(body, wt.SetResult(textField+uintptr(i), binary.LittleEndian.Uint32(results[i:]))...)
		}
		body = append(body, wt.Const(code)...)
		p := wt.NewPolicy()
		for _, export := range []string{
			abi.ExportPreFilter, abi.ExportFilter, abi.ExportPreScore, abi.ExportScore, abi.ExportNormalizeScore,
			abi.ExportRankVictims, abi.ExportScorePlacement, abi.ExportObjects,
		} {
			p.Body(export, body)
		}
		for _, call := range calls {
			p.Body(call.Export, body)
		}
		pool, err := newPool(t, p)
		if err != nil {
			t.Fatal(err)
		}
		g, err := pool.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begin(t, g, &guest.Cycle{ID: 1, Pod: make([]byte, 8)})
		everyPoint(t, g)
		if err := pool.Discard(t.Context(), g); err != nil {
			t.Error(err)
		}
		refused := wt.NewPolicy().Body(abi.ExportConfigure, body)
		_, err = newPool(t, refused)
		if config := (*guest.ConfigError)(nil); !errors.As(err, &config) {
			wantKnown(t, err)
		}
	})
}

// everyPoint asks the guest at each extension point; none of its answers ends it.
func everyPoint(t *testing.T, g *guest.Guest) {
	t.Helper()
	var errs [5]error
	_, errs[0] = filter(t, g)
	_, errs[1] = g.PreFilter(t.Context(), three)
	_, errs[2] = g.PreScore(t.Context(), three)
	_, errs[3] = g.Score(t.Context(), three, make([]int64, 3))
	_, errs[4] = g.Normalize(t.Context(), three, make([]int64, 3))
	for _, err := range errs {
		wantKnown(t, err)
	}
	for _, call := range calls {
		_, err := g.Ask(t.Context(), call, three)
		wantKnown(t, err)
	}
	_, err := g.RankVictims(t.Context(), three, make([]abi.VictimRank, 7))
	wantKnown(t, err)
	_, _, err = g.ScorePlacement(t.Context(), three)
	wantKnown(t, err)
	wantKnown(t, g.Tell(t.Context(), guest.Batch{ScratchData: make([]byte, 256), Objects: 8, ObjectCount: 2}))
}

// calls is everything that Ask is for.
var calls = []*guest.Call{
	guest.PreEnqueue, guest.QueueSort, guest.Sign, guest.QueueingHint, guest.AddPod, guest.RemovePod, guest.PostFilter,
	guest.Reserve, guest.Unreserve, guest.Permit, guest.PreBindPreFlight, guest.PreBind, guest.Bind, guest.PostBind,
	guest.GeneratePlacements, guest.PodGroupPostFilter,
}

func wantKnown(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, engine.ErrABI) && !errors.Is(err, engine.ErrModule) && !errors.Is(err, engine.ErrTrap) {
		t.Errorf("unknown kind of error: %v", err)
	}
}
