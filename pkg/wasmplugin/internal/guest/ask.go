// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

// Call is an extension point that answers about the pod, or the group, as a whole: what it may
// return and what it leaves in the frame besides.
type Call struct {
	Export string
	codes  uint64
	leaves results
}

// results is a set of results of a frame.
type results uint

const (
	leavesState results = 1 << iota
	leavesKey
	leavesSubset
	leavesVictims
	leavesAnnotations
	leavesPlacements
	// leavesBlob is a state that is none: a queue key or a signature.
	leavesBlob
)

// The calls. Codes that are not listed are faults, because the framework would do with them what
// it was not made for.
var (
	PreEnqueue         = &Call{abi.ExportPreEnqueue, rejecting, 0}
	QueueSort          = &Call{abi.ExportQueueSort, codes(abi.Success), leavesBlob}
	Sign               = &Call{abi.ExportSign, codes(abi.Success, abi.Unschedulable), leavesBlob}
	QueueingHint       = &Call{abi.ExportQueueingHint, codes(abi.Success, abi.Skip), 0}
	AddPod             = &Call{abi.ExportAddPod, plainCodes, leavesState}
	RemovePod          = &Call{abi.ExportRemovePod, plainCodes, leavesState}
	PostFilter         = &Call{abi.ExportPostFilter, rejecting, leavesSubset | leavesVictims}
	Reserve            = &Call{abi.ExportReserve, rejecting, leavesState}
	Unreserve          = &Call{abi.ExportUnreserve, plainCodes, 0}
	Permit             = &Call{abi.ExportPermit, rejecting | codes(abi.Wait), leavesState | leavesKey}
	PreBindPreFlight   = &Call{abi.ExportPreBindPreFlight, codes(abi.Success, abi.Skip), 0}
	PreBind            = &Call{abi.ExportPreBind, rejecting, leavesState}
	Bind               = &Call{abi.ExportBind, codes(abi.Success, abi.Skip, abi.Error), leavesAnnotations}
	PostBind           = &Call{abi.ExportPostBind, plainCodes, 0}
	GeneratePlacements = &Call{abi.ExportGeneratePlacements, plainCodes, leavesPlacements}
	PodGroupPostFilter = &Call{abi.ExportPodGroupPostFilter, rejecting, leavesVictims}

	rejecting = filterCodes
)

// Limits of what a call may leave, besides those of an operator.
const (
	// MaxBlob is the most bytes of a queue key or a signature.
	MaxBlob = 256
	// MaxKey is the most bytes of a key that pods wait for.
	MaxKey = 256
	// MaxVictims is how many pods one PostFilter may evict.
	MaxVictims = 1024
	// MaxAnnotations is how many binding adds to a pod.
	MaxAnnotations = 16
	// MaxAnnotationKey is the most bytes of an annotation's key.
	MaxAnnotationKey = 317
	// MaxAnnotationValue is the most bytes of its value.
	MaxAnnotationValue = 4 << 10
	// MaxPlacements is how many ways to partition the nodes are looked at.
	MaxPlacements = 1024
	// maxUID is the most bytes of a pod's UID.
	maxUID = 64
	// maxTimeout is the framework's own bound of Wait.
	maxTimeout = 15 * time.Minute
)

// Answer is what a call came to.
type Answer struct {
	Verdict
	// State is the new state; nil leaves it as it is. Of QueueSort and Sign it is what they made.
	State []byte
	// Subset is the slots that were chosen, if Restricted.
	Subset     []uint32
	Restricted bool
	// Timeout and Key are those of a Wait.
	Timeout time.Duration
	Key     string
	// Victims is UIDs of pods.
	Victims     []string
	Annotations map[string]string
	Placements  []Placement
}

// Placement is a set of nodes by their slots.
type Placement struct {
	Name  string
	Slots []uint32
}

// Ask makes a call.
func (g *Guest) Ask(ctx context.Context, c *Call, about Batch) (a Answer, err error) {
	f, verdict, err := g.callAbout(ctx, c.Export, about, 0, c.codes)
	if err != nil {
		return a, err
	}
	a.Verdict = verdict
	for _, read := range readers {
		if c.leaves&read.what != 0 {
			if err := read.into(g, &f, c.Export, &a); err != nil {
				return a, err
			}
		}
	}
	return a, nil
}

var readers = []struct {
	what results
	into func(g *Guest, f *abi.Frame, export string, a *Answer) error
}{
	{leavesState, (*Guest).readState},
	{leavesBlob, (*Guest).readBlob},
	{leavesSubset, (*Guest).readSubset},
	{leavesKey, (*Guest).readWait},
	{leavesVictims, (*Guest).readVictims},
	{leavesAnnotations, (*Guest).readAnnotations},
	{leavesPlacements, (*Guest).readPlacements},
}

func (g *Guest) readState(f *abi.Frame, export string, a *Answer) (err error) {
	a.State, err = g.state(f, export, g.limits.State)
	return err
}

func (g *Guest) readBlob(f *abi.Frame, export string, a *Answer) (err error) {
	if a.Code == abi.Success {
		a.State, err = g.state(f, export, MaxBlob)
	}
	return err
}

func (g *Guest) readSubset(f *abi.Frame, export string, a *Answer) (err error) {
	if a.Restricted = f.SubsetCount != abi.AllNodes; a.Restricted {
		a.Subset, err = g.subset(f, export)
	}
	return err
}

func (g *Guest) readWait(f *abi.Frame, export string, a *Answer) (err error) {
	if a.Code != abi.Wait {
		return nil
	}
	a.Timeout = min(time.Duration(f.TimeoutNanos), maxTimeout)
	if a.Timeout <= 0 {
		return engine.Violation(export, "timeout of %d ns, want more than 0", f.TimeoutNanos)
	}
	a.Key, err = g.bounded(f.Key, export, "key", MaxKey)
	return err
}

func (g *Guest) readVictims(f *abi.Frame, export string, a *Answer) error {
	if f.VictimCount > MaxVictims {
		return engine.Violation(export, "%d victims, want at most %d", f.VictimCount, MaxVictims)
	}
	spans, err := view[abi.Span](g, f.Victims, f.VictimCount, export)
	for _, s := range spans {
		uid, err := g.bounded(s, export, "UID", maxUID)
		if err != nil {
			return err
		}
		a.Victims = append(a.Victims, uid)
	}
	return err
}

func (g *Guest) readAnnotations(f *abi.Frame, export string, a *Answer) error {
	if a.Code != abi.Success || f.AnnotationCount == 0 {
		return nil
	}
	if f.AnnotationCount > MaxAnnotations {
		return engine.Violation(export, "%d annotations, want at most %d", f.AnnotationCount, MaxAnnotations)
	}
	list, err := view[abi.Annotation](g, f.Annotations, f.AnnotationCount, export)
	if err != nil {
		return err
	}
	a.Annotations = map[string]string{}
	for _, kv := range list {
		key, err := g.bounded(kv.Key, export, "annotation key", MaxAnnotationKey)
		if err != nil {
			return err
		}
		if a.Annotations[key], err = g.bounded(kv.Value, export, "annotation value", MaxAnnotationValue); err != nil {
			return err
		}
	}
	return nil
}

func (g *Guest) readPlacements(f *abi.Frame, export string, a *Answer) error {
	if f.PlacementCount > MaxPlacements {
		return engine.Violation(export, "%d placements, want at most %d", f.PlacementCount, MaxPlacements)
	}
	list, err := view[abi.Placement](g, f.Placements, f.PlacementCount, export)
	for _, p := range list {
		name, err := g.bounded(p.Name, export, "name", maxText)
		if err != nil {
			return err
		}
		slots, err := g.subset(&abi.Frame{Subset: p.Slots, SubsetCount: p.SlotCount}, export)
		if err != nil {
			return err
		}
		a.Placements = append(a.Placements, Placement{name, slots})
	}
	return err
}

// bounded is a string that the guest returned, which must be no longer than limit.
func (g *Guest) bounded(s abi.Span, export, what string, limit uint32) (string, error) {
	b, ok := g.inst.Bytes(s.Addr, s.Len)
	if !ok || s.Len > limit {
		return "", engine.Violation(export, "%s of %d bytes at %#x; the limit is %d", what, s.Len, s.Addr, limit)
	}
	return string(b), nil
}

// RankVictims ranks the pods on the nodes, node by node, of which there are as many as out has room
// for.
func (g *Guest) RankVictims(ctx context.Context, nodes Batch, out []abi.VictimRank) (Verdict, error) {
	const export = abi.ExportRankVictims
	g.allow(len(nodes.Slots) + len(out))
	if err := g.placeRoom(ctx, nodes, len(out)*4); err != nil {
		return Verdict{}, err
	}
	_, verdict, err := g.finish(ctx, export, plainCodes)
	if err != nil || verdict.Code != abi.Success {
		return verdict, err
	}
	in, err := view[abi.VictimRank](g, g.base.Results, uint32(len(out)), export)
	copy(out, in)
	return verdict, err
}

// ScorePlacement scores a placement in which the slots are the nodes of the group's pods.
func (g *Guest) ScorePlacement(ctx context.Context, about Batch) (score int64, verdict Verdict, err error) {
	const export = abi.ExportScorePlacement
	g.allow(len(about.Slots))
	if err := g.placeRoom(ctx, about, 8); err != nil {
		return 0, verdict, err
	}
	if _, verdict, err = g.finish(ctx, export, plainCodes); err != nil || verdict.Code != abi.Success {
		return 0, verdict, err
	}
	in, err := view[int64](g, g.base.Results, 1, export)
	if err != nil {
		return 0, verdict, err
	}
	return in[0], verdict, InRange(export, in[0])
}

// Fuel of a call that tells of objects: for the call, for each object and for each byte of them. It is
// the same for all kinds of guests, because telling is not what they wait for.
const (
	tellCall, tellObject, tellByte = 10_000_000, 500_000, 100
)

// Tell hands the guest changes of objects.
func (g *Guest) Tell(ctx context.Context, changes Batch) error {
	fuel := int64(tellCall) + int64(changes.ObjectCount)*tellObject + int64(len(changes.ScratchData))*tellByte
	g.inst.Grant(engine.Budget{Fuel: fuel, Until: g.until, Done: g.done})
	if err := g.placeBatch(ctx, changes, 0); err != nil {
		return err
	}
	_, err := g.call(ctx, abi.ExportObjects)
	return err
}
