// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// What a call's results are turned into for the host; valid until the next call.
var (
	reasonSpans []abi.Span
	victims     []abi.Span
	annotations []abi.Annotation
	placements  []abi.Placement
)

// store writes the results of a call into the frame, which the host has cleared.
func store(f *abi.Frame, code abi.Code) uint32 {
	f.Text = spanOf(call.Text)
	reasonSpans = appendSpans(reasonSpans[:0], call.Reasons)
	f.Reasons, f.ReasonCount = arrayOf(reasonSpans)
	f.NewState = spanOf(unsafe.String(unsafe.SliceData(call.NewState), len(call.NewState)))
	f.Subset, f.SubsetCount = 0, abi.AllNodes
	if call.Restricted {
		f.Subset, f.SubsetCount = arrayOf(call.Subset)
	}
	f.TimeoutNanos, f.Key = call.TimeoutNanos, spanOf(call.Key)
	if len(call.Victims)+len(call.Annotations)+len(call.Placements) > 0 {
		storeLists(f)
	}
	return uint32(code)
}

func storeLists(f *abi.Frame) {
	victims = appendSpans(victims[:0], call.Victims)
	f.Victims, f.VictimCount = arrayOf(victims)
	annotations = annotations[:0]
	for _, a := range call.Annotations {
		annotations = append(annotations, abi.Annotation{Key: spanOf(a.Key), Value: spanOf(a.Value)})
	}
	f.Annotations, f.AnnotationCount = arrayOf(annotations)
	placements = placements[:0]
	for _, p := range call.Placements {
		r := abi.Placement{Name: spanOf(p.Name)}
		r.Slots, r.SlotCount = arrayOf(p.Slots)
		placements = append(placements, r)
	}
	f.Placements, f.PlacementCount = arrayOf(placements)
}

func appendSpans(to []abi.Span, texts []string) []abi.Span {
	for _, s := range texts {
		to = append(to, spanOf(s))
	}
	return to
}

// declared is what Configure left, kept alive for the host.
var declared struct {
	needs    abi.Needs
	events   []abi.EventNeed
	objects  []abi.ObjectNeed
	accounts []abi.AccountNeed
}

// storeNeeds returns the address of what the policy needs; 0 if that is nothing.
func storeNeeds(n *Needs) uint32 {
	if n.Events == nil && len(n.Objects)+len(n.Accounts) == 0 {
		return 0
	}
	d := &declared
	if n.Events != nil {
		// An address, although nothing may be there.
		d.events = make([]abi.EventNeed, 0, len(n.Events)+1)
	}
	for _, e := range n.Events {
		d.events = append(d.events, abi.EventNeed{Resource: spanOf(e.Resource), Actions: uint32(e.Actions)})
	}
	for _, o := range n.Objects {
		d.objects = append(d.objects, abi.ObjectNeed{
			Resource: spanOf(o.Resource), Namespace: spanOf(o.Namespace),
			LabelSelector: spanOf(o.LabelSelector), FieldSelector: spanOf(o.FieldSelector),
		})
	}
	for _, a := range n.Accounts {
		d.accounts = append(d.accounts, abi.AccountNeed{Label: spanOf(a.Label)})
	}
	d.needs.Size = uint32(unsafe.Sizeof(d.needs))
	d.needs.Events, d.needs.EventCount = arrayOf(d.events)
	d.needs.Objects, d.needs.ObjectCount = arrayOf(d.objects)
	d.needs.Accounts, d.needs.AccountCount = arrayOf(d.accounts)
	return address(unsafe.Pointer(&d.needs))
}
