// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"errors"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

// Verdict is what a policy decided, in its own words.
type Verdict struct {
	Code   abi.Code
	Reason string
	// Note is for whoever holds the guest: a guest returns the same Verdict for the same
	// outcome in later calls too, so what follows from a verdict need be worked out only once.
	Note any
}

// Batch is the nodes of one call.
type Batch struct {
	// Slots are node slots; those with abi.ScratchSlot are in ScratchTable.
	Slots []uint32
	// ScratchTable and ScratchData are records and what they refer to in SpaceScratch.
	ScratchTable, ScratchData []byte
	// Other, Event, Objects and Group are where those of the frame are in ScratchData, in bytes; 0
	// if the call has none.
	Other, Event, Objects, Group uint32
	ObjectCount                  uint32
	// Flags of the frame.
	Flags uint32
}

// PreFilterResult is what a policy says before nodes are looked at.
type PreFilterResult struct {
	Verdict
	// State is to be handed to later calls on the pod.
	State []byte
	// Subset is the slots the pod is restricted to, if Restricted.
	Subset     []uint32
	Restricted bool
}

// PreFilter runs the extension point of that name over the given nodes.
func (g *Guest) PreFilter(ctx context.Context, nodes Batch) (PreFilterResult, error) {
	const export = abi.ExportPreFilter
	f, verdict, err := g.callAbout(ctx, export, nodes, 0, preFilterCodes)
	if err != nil {
		return PreFilterResult{}, err
	}
	r := PreFilterResult{Verdict: verdict, Restricted: f.SubsetCount != abi.AllNodes}
	if r.State, err = g.state(&f, export, g.limits.State); err != nil {
		return r, err
	}
	if r.Restricted {
		if r.Subset, err = g.subset(&f, export); err != nil {
			return r, err
		}
	}
	return r, nil
}

// state is a copy of the blob that a call left; nil if it left none.
func (g *Guest) state(f *abi.Frame, export string, limit int) ([]byte, error) {
	if f.NewState == (abi.Span{}) {
		return nil, nil
	}
	b, ok := g.inst.Bytes(f.NewState.Addr, f.NewState.Len)
	if !ok || int(f.NewState.Len) > limit {
		return nil, engine.Violation(export, "state of %d bytes at %#x; the limit is %d", f.NewState.Len, f.NewState.Addr, limit)
	}
	return append([]byte{}, b...), nil
}

// subset is a copy of the slots that a call chose, of which there are no more than in the table.
func (g *Guest) subset(f *abi.Frame, export string) ([]uint32, error) {
	if most := max(g.base.NodeCount, g.base.SlotCount); f.SubsetCount > most {
		return nil, engine.Violation(export, "subset of %d slots; there are %d", f.SubsetCount, most)
	}
	slots, err := view[uint32](g, f.Subset, f.SubsetCount, export)
	return append([]uint32{}, slots...), err
}

// Codes that each extension point may return. Anything else is a violation: the framework
// indexes tables with codes.
var (
	preFilterCodes = codes(abi.Success, abi.Error, abi.Unschedulable, abi.UnschedulableAndUnresolvable, abi.Skip)
	filterCodes    = codes(abi.Success, abi.Error, abi.Unschedulable, abi.UnschedulableAndUnresolvable)
	preScoreCodes  = codes(abi.Success, abi.Error, abi.Skip)
	plainCodes     = codes(abi.Success, abi.Error)
)

func codes(list ...abi.Code) (set uint64) {
	for _, c := range list {
		set |= 1 << c
	}
	return set
}

func allowed(set uint64, c abi.Code) bool { return c < 64 && set>>c&1 != 0 }

// Filter decides on each node of the batch; out gets a verdict for each. Nodes with the same
// outcome share one Verdict, and those that pass share Pass.
func (g *Guest) Filter(ctx context.Context, nodes Batch, out []*Verdict) error {
	const export = abi.ExportFilter
	f, verdict, err := g.callAbout(ctx, export, nodes, 4, plainCodes)
	if err != nil {
		return err
	}
	if verdict.Code != abi.Success {
		for i := range nodes.Slots {
			out[i] = &verdict
		}
		return nil
	}
	packed, err := view[abi.Verdict](g, g.base.Results, uint32(len(nodes.Slots)), export)
	if err != nil {
		return err
	}
	return g.unpack(&f, packed, out)
}

// Pass is the verdict on a node that passes. It must not be changed.
var Pass = &Verdict{}

func (g *Guest) unpack(f *abi.Frame, packed []abi.Verdict, out []*Verdict) (err error) {
	var recent recentVerdicts
	for i, v := range packed {
		if v == abi.Verdict(abi.Success) {
			out[i] = Pass
			continue
		}
		r := &recent[v.Reason()%uint32(len(recent))]
		if r.verdict == nil || r.packed != v {
			if r.verdict, err = g.verdict(f, v); err != nil {
				return err
			}
			r.packed = v
		}
		out[i] = r.verdict
	}
	return nil
}

// recentVerdicts spares looking up the few verdicts that alternate within a batch.
type recentVerdicts [8]struct {
	packed  abi.Verdict
	verdict *Verdict
}

func (g *Guest) verdict(f *abi.Frame, v abi.Verdict) (*Verdict, error) {
	const export = abi.ExportFilter
	n := v.Reason()
	if !allowed(filterCodes, v.Code()) || n > f.ReasonCount {
		return nil, engine.Violation(export, "verdict %#x: code %d with reason %d of %d", uint32(v), v.Code(), n, f.ReasonCount)
	}
	if n == 0 {
		return g.verdicts.get(v.Code(), ""), nil
	}
	spans, err := view[abi.Span](g, f.Reasons, f.ReasonCount, export)
	if err != nil {
		return nil, err
	}
	reason, err := g.read(spans[n-1], export, "reason")
	if err != nil {
		return nil, err
	}
	return g.verdicts.get(v.Code(), reason), nil
}

// PreScore runs before Score over the nodes that passed every Filter.
func (g *Guest) PreScore(ctx context.Context, nodes Batch) (Verdict, error) {
	_, verdict, err := g.callAbout(ctx, abi.ExportPreScore, nodes, 0, preScoreCodes)
	return verdict, err
}

// Score gives each node of the batch a score in out, of any size: see Normalize.
func (g *Guest) Score(ctx context.Context, nodes Batch, out []int64) (Verdict, error) {
	const export = abi.ExportScore
	_, verdict, err := g.callAbout(ctx, export, nodes, 8, plainCodes)
	if err != nil || verdict.Code != abi.Success {
		return verdict, err
	}
	scores, err := view[int64](g, g.base.Results, uint32(len(nodes.Slots)), export)
	copy(out, scores)
	return verdict, err
}

// Normalize lets the policy change all scores together.
func (g *Guest) Normalize(ctx context.Context, nodes Batch, scores []int64) (Verdict, error) {
	const export = abi.ExportNormalizeScore
	g.allow(len(nodes.Slots))
	if err := g.placeBatch(ctx, nodes, 8); err != nil {
		return Verdict{}, err
	}
	in, err := view[int64](g, g.base.Results, uint32(len(scores)), export)
	if err != nil {
		return Verdict{}, err
	}
	copy(in, scores)
	_, verdict, err := g.finish(ctx, export, plainCodes)
	if err != nil || verdict.Code != abi.Success {
		return verdict, err
	}
	if in, err = view[int64](g, g.base.Results, uint32(len(scores)), export); err != nil {
		return Verdict{}, err
	}
	copy(scores, in)
	return verdict, nil
}

// InRange tells whether the framework accepts a score, and is a fault of Score or
// NormalizeScore if it does not.
func InRange(export string, score int64) error {
	if score < abi.MinScore || score > abi.MaxScore {
		return engine.Violation(export, "score %d is not in [%d, %d]", score, abi.MinScore, abi.MaxScore)
	}
	return nil
}

// callAbout places a batch with room for results of size bytes each, calls, and checks the code.
func (g *Guest) callAbout(ctx context.Context, export string, nodes Batch, size int, codes uint64) (abi.Frame, Verdict, error) {
	g.allow(len(nodes.Slots))
	if err := g.placeBatch(ctx, nodes, size); err != nil {
		return abi.Frame{}, Verdict{}, err
	}
	return g.finish(ctx, export, codes)
}

func (g *Guest) finish(ctx context.Context, export string, codes uint64) (f abi.Frame, v Verdict, err error) {
	if v.Code, err = g.call(ctx, export); err != nil {
		return f, v, err
	}
	if !allowed(codes, v.Code) {
		return f, v, engine.Violation(export, "unknown or misplaced code %d", v.Code)
	}
	if f, err = g.result(); err != nil {
		return f, v, err
	}
	if v.Code != abi.Success {
		v.Reason, err = g.read(f.Text, export, "text")
	}
	return f, v, err
}

// placeBatch makes room for a result of size bytes for each slot.
func (g *Guest) placeBatch(ctx context.Context, nodes Batch, size int) error {
	return g.placeRoom(ctx, nodes, len(nodes.Slots)*size)
}

// placeRoom copies slots and scratch in and makes room for results behind the slots, in bytes.
func (g *Guest) placeRoom(ctx context.Context, nodes Batch, room int) error {
	n := len(nodes.Slots)
	slots := (n*4 + 7) &^ 7
	addr, err := g.reserve(ctx, abi.BufferBatch, slots+room)
	if err != nil {
		return err
	}
	to, err := view[uint32](g, addr, uint32(n), abi.ExportBuffer)
	if err != nil {
		return err
	}
	copy(to, nodes.Slots)
	g.base.Slots, g.base.SlotCount, g.base.Results = addr, uint32(n), addr+uint32(slots)
	g.base.Scratch, g.base.Bases[abi.SpaceScratch] = 0, 0
	g.base.Flags, g.base.ObjectCount = nodes.Flags, nodes.ObjectCount
	g.base.Other, g.base.Event, g.base.Objects, g.base.Group = 0, 0, 0, 0
	if len(nodes.ScratchTable)+len(nodes.ScratchData) > 0 {
		return g.placeScratch(ctx, &nodes)
	}
	return nil
}

func (g *Guest) placeScratch(ctx context.Context, nodes *Batch) error {
	table := (len(nodes.ScratchTable) + 7) &^ 7
	addr, err := g.reserve(ctx, abi.BufferScratch, table+len(nodes.ScratchData))
	if err != nil {
		return err
	}
	data := addr + uint32(table)
	g.base.Scratch, g.base.Bases[abi.SpaceScratch] = addr, data
	at := func(offset uint32) uint32 {
		if offset == 0 {
			return 0
		}
		return data + offset
	}
	g.base.Other, g.base.Event = at(nodes.Other), at(nodes.Event)
	g.base.Objects, g.base.Group = at(nodes.Objects), at(nodes.Group)
	return errors.Join(g.write(addr, nodes.ScratchTable), g.write(data, nodes.ScratchData))
}
