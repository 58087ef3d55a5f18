// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
)

// Needs is what a policy with its configuration wants of the host.
type Needs struct {
	// Events is nil if the policy leaves it to the host, which takes every event.
	Events  []EventNeed
	Objects []ObjectNeed
	// Accounts is the pod labels that name accounts; "" is the namespace.
	Accounts []string
}

// EventNeed is a kind of events that may make a rejected pod schedulable.
type EventNeed struct {
	Resource string
	// Actions is a set of abi.ActionAdd and those beside it.
	Actions uint32
}

// ObjectNeed is a kind of objects that the policy reads.
type ObjectNeed struct {
	Resource, Namespace, LabelSelector, FieldSelector string
}

// Limits of what a policy may need.
const (
	maxEvents, maxObjects, maxAccounts = 64, 16, 8
	// maxNeedText is the most bytes of a name; maxSelector of a selector.
	maxNeedText, maxSelector = 317, 4 << 10
)

// minNeeds is the size of Needs in version 1.0.
const minNeeds = 32

// needs reads what Configure left.
func (g *Guest) needs() (n Needs, err error) {
	f, err := g.result()
	if err != nil || f.Needs == 0 {
		return n, err
	}
	raw, err := g.readNeeds(f.Needs)
	if err != nil {
		return n, err
	}
	if n.Events, err = listOf(g, raw.Events, raw.EventCount, maxEvents, "events", g.eventNeed); err != nil {
		return n, err
	}
	if raw.Events != 0 && n.Events == nil {
		n.Events = []EventNeed{}
	}
	if n.Objects, err = listOf(g, raw.Objects, raw.ObjectCount, maxObjects, "kinds of objects", g.objectNeed); err != nil {
		return n, err
	}
	n.Accounts, err = listOf(g, raw.Accounts, raw.AccountCount, maxAccounts, "ways to assign accounts", g.accountNeed)
	return n, err
}

// readNeeds reads as much of the struct as both sides know.
func (g *Guest) readNeeds(addr uint32) (raw abi.Needs, err error) {
	head, ok := g.inst.Bytes(addr, minNeeds)
	if ok && addr%4 == 0 {
		raw.Size = *(*uint32)(unsafe.Pointer(unsafe.SliceData(head)))
	}
	if raw.Size < minNeeds {
		return raw, engine.Violation(abi.ExportConfigure, "needs of %d bytes at %#x, want at least %d inside of memory", raw.Size, addr, minNeeds)
	}
	copy(bytesOf(&raw), head)
	return raw, nil
}

// listOf reads count entries of type T at addr and makes an E of each.
func listOf[T, E any](g *Guest, addr, count, most uint32, what string, read func(T) (E, error)) (out []E, err error) {
	if count > most {
		return nil, engine.Violation(abi.ExportConfigure, "%d %s, want at most %d", count, what, most)
	}
	entries, err := view[T](g, addr, count, abi.ExportConfigure)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		v, err := read(e)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (g *Guest) eventNeed(e abi.EventNeed) (EventNeed, error) {
	resource, err := g.bounded(e.Resource, abi.ExportConfigure, "resource", maxNeedText)
	return EventNeed{resource, e.Actions}, err
}

func (g *Guest) objectNeed(o abi.ObjectNeed) (n ObjectNeed, err error) {
	for _, s := range []struct {
		span abi.Span
		into *string
		most uint32
	}{
		{o.Resource, &n.Resource, maxNeedText},
		{o.Namespace, &n.Namespace, maxNeedText},
		{o.LabelSelector, &n.LabelSelector, maxSelector},
		{o.FieldSelector, &n.FieldSelector, maxSelector},
	} {
		if *s.into, err = g.bounded(s.span, abi.ExportConfigure, "object", s.most); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (g *Guest) accountNeed(a abi.AccountNeed) (string, error) {
	return g.bounded(a.Label, abi.ExportConfigure, "label", maxNeedText)
}
