// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"context"
	"fmt"
	"strings"
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

// Description is what a module says about itself, checked.
type Description struct {
	Points abi.Points
	Reads  abi.Parts
	// Features is what module and host agreed on.
	Features uint64
	Producer string
}

// Has tells whether the policy answers an extension point.
func (d Description) Has(p abi.Points) bool { return d.Points&p != 0 }

var pointExports = []struct {
	point  abi.Points
	export string
}{
	{abi.PointPreFilter, abi.ExportPreFilter},
	{abi.PointFilter, abi.ExportFilter},
	{abi.PointPreScore, abi.ExportPreScore},
	{abi.PointScore, abi.ExportScore},
	{abi.PointNormalizeScore, abi.ExportNormalizeScore},
	{abi.PointPodChanges, abi.ExportAddPod},
	{abi.PointPodChanges, abi.ExportRemovePod},
	{abi.PointPreEnqueue, abi.ExportPreEnqueue},
	{abi.PointQueueSort, abi.ExportQueueSort},
	{abi.PointSign, abi.ExportSign},
	{abi.PointQueueingHint, abi.ExportQueueingHint},
	{abi.PointPostFilter, abi.ExportPostFilter},
	{abi.PointRankVictims, abi.ExportRankVictims},
	{abi.PointReserve, abi.ExportReserve},
	{abi.PointReserve, abi.ExportUnreserve},
	{abi.PointPermit, abi.ExportPermit},
	{abi.PointPreBindPreFlight, abi.ExportPreBindPreFlight},
	{abi.PointPreBind, abi.ExportPreBind},
	{abi.PointBind, abi.ExportBind},
	{abi.PointPostBind, abi.ExportPostBind},
	{abi.PointGeneratePlacements, abi.ExportGeneratePlacements},
	{abi.PointScorePlacement, abi.ExportScorePlacement},
	{abi.PointPodGroupPostFilter, abi.ExportPodGroupPostFilter},
	{abi.PointObjects, abi.ExportObjects},
}

// Describe asks an instance what its module is and whether this host can serve it.
func Describe(ctx context.Context, m *engine.Module, inst *engine.Instance) (Description, error) {
	addr, err := inst.Call(ctx, abi.ExportDescribe)
	if err != nil {
		return Description{}, err
	}
	d, err := readDescriptor(inst, addr)
	if err != nil {
		return Description{}, err
	}
	if err := compatible(d); err != nil {
		return Description{}, err
	}
	if err := checkPoints(m, d.Points); err != nil {
		return Description{}, err
	}
	producer, _ := inst.Bytes(d.Producer.Addr, min(d.Producer.Len, maxText))
	return Description{
		Points:   d.Points,
		Reads:    d.Reads,
		Features: (d.Required | d.Optional) & abi.Features,
		Producer: strings.Map(printable, string(producer)),
	}, nil
}

// minDescriptor is the size of a descriptor in version 1.0, which every guest has.
const minDescriptor = 56

// readDescriptor reads as much of the descriptor as both sides know.
func readDescriptor(inst *engine.Instance, addr uint32) (abi.Descriptor, error) {
	var d abi.Descriptor
	known := uint32(unsafe.Sizeof(d))
	head, ok := inst.Bytes(addr, 8)
	if !ok {
		return d, engine.Violation(abi.ExportDescribe, "descriptor at %#x is outside of memory", addr)
	}
	copy(bytesOf(&d), head)
	if d.Magic != abi.Magic {
		return d, engine.Violation(abi.ExportDescribe, "descriptor starts with %#x, want %#x", d.Magic, abi.Magic)
	}
	b, ok := inst.Bytes(addr, min(d.Size, known))
	if !ok || d.Size < minDescriptor {
		return d, engine.Violation(abi.ExportDescribe, "descriptor of %d bytes at %#x, want at least %d inside of memory", d.Size, addr, minDescriptor)
	}
	copy(bytesOf(&d), b)
	return d, nil
}

func compatible(d abi.Descriptor) error {
	switch {
	case d.Major != abi.Major:
		return fmt.Errorf("%w: it speaks ABI version %d.%d, this host speaks %d.%d; rebuild it with a matching SDK",
			engine.ErrModule, d.Major, d.Minor, abi.Major, abi.Minor)
	case d.Required&^abi.Features != 0:
		return fmt.Errorf("%w: it requires ABI features %#x that this host does not have; use a newer host",
			engine.ErrModule, d.Required&^abi.Features)
	case d.Reads&^abi.KnownParts != 0:
		return fmt.Errorf("%w: it reads parts %#x of nodes or pods that this host does not know; use a newer host",
			engine.ErrModule, uint64(d.Reads&^abi.KnownParts))
	}
	return nil
}

func checkPoints(m *engine.Module, points abi.Points) error {
	var known abi.Points
	for _, p := range pointExports {
		if points&p.point != 0 && !m.Exports(p.export) {
			return fmt.Errorf("%w: it says that it answers %q but does not export it", engine.ErrModule, p.export)
		}
		known |= p.point
	}
	if points&^known != 0 {
		return fmt.Errorf("%w: it answers extension points %#x that this host does not know; use a newer host", engine.ErrModule, uint64(points&^known))
	}
	return nil
}
