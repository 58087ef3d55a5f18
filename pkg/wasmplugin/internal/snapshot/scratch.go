// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"unsafe"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// Position is where a NodeInfo stands in the list, if its content is what its slot holds. The
// scheduler also passes altered copies (nominated pods, preemption's dry runs), which have
// generations of their own; those are for a Scratch.
func (s *Store) Position(info fwk.NodeInfo) (int, bool) {
	if i, ok := s.position[pointer(info)]; ok {
		return int(i), s.Current(int(i))
	}
	i, ok := s.byObject(info)
	return int(i), ok && info.GetGeneration() == s.genAt[i]
}

// Current tells whether the slot of the node at position i holds what the list has there. If
// not, the next Follow will see to it.
func (s *Store) Current(i int) bool {
	if s.list[i].GetGeneration() == s.genAt[i] {
		return true
	}
	s.notice(i)
	return false
}

// At is the node at position i.
func (s *Store) At(i int) fwk.NodeInfo { return s.list[i] }

func (s *Store) notice(i int) { s.noticed[i/64].Or(1 << (i % 64)) }

func (s *Store) isNoticed(i int) bool { return s.noticed[i/64].Load()>>(i%64)&1 != 0 }

// PositionNear is Position with a guess that spares the search when it is right.
func (s *Store) PositionNear(guess int, info fwk.NodeInfo) (int, bool) {
	if guess < len(s.list) && pointer(s.list[guess]) == pointer(info) {
		return guess, s.Current(guess)
	}
	return s.Position(info)
}

// byObject finds an equal copy of a listed node.
func (s *Store) byObject(info fwk.NodeInfo) (int32, bool) {
	obj := info.Node()
	if obj == nil {
		return 0, false
	}
	at, ok := s.byName[obj.Name]
	if !ok || s.slots[at].at == stale {
		return 0, false
	}
	return s.slots[at].at, true
}

// PositionOf is where the node of that name stands in the list.
func (s *Store) PositionOf(name string) (int, bool) {
	at, ok := s.byName[name]
	if !ok {
		return 0, false
	}
	return int(s.slots[at].at), true
}

// NameAt is the name of the node in a slot.
func (s *Store) NameAt(at uint32) (string, bool) {
	if int64(at) >= int64(len(s.slots)) || s.slots[at].at == stale {
		return "", false
	}
	return s.slots[at].name, true
}

// Scratch encodes nodes that are not as the snapshot has them, for one call of one guest. It is
// not for concurrent use.
type Scratch struct {
	store *Store
	parts abi.Parts
	blob  blob
	table []byte
	count uint32
	// detached keeps it from using what the store has encoded.
	detached bool
}

// NewScratch returns a scratch for a policy that reads the parts.
func NewScratch(s *Store, parts abi.Parts) *Scratch {
	c := &Scratch{store: s, parts: parts, blob: blob{space: abi.SpaceScratch, pad: s.padding}}
	c.blob.alloc(8) // offset 0 means "nothing"
	return c
}

// Add encodes a node and returns its slot number. What follows from the Node object is taken
// from the resident record if that was made from the same object.
func (c *Scratch) Add(info fwk.NodeInfo) uint32 {
	n := c.base(info)
	if info.Node() != nil {
		n.encodeUsage(c.sinks(), c.parts, info)
	}
	return c.append(&n.rec)
}

// AddName adds a node of which only the name is known.
func (c *Scratch) AddName(name string) uint32 {
	return c.append(&abi.NodeRecord{Name: c.blob.str(name)})
}

func (c *Scratch) append(rec *abi.NodeRecord) uint32 {
	at := len(c.table)
	c.table = append(c.table, make([]byte, c.store.stride)...)
	*(*abi.NodeRecord)(unsafe.Pointer(&c.table[at])) = *rec
	c.count++
	return (c.count - 1) | abi.ScratchSlot
}

func (c *Scratch) base(info fwk.NodeInfo) (n node) {
	obj := info.Node()
	if obj == nil {
		return n
	}
	if c.detached {
		n.encodeObject(c.sinks(), c.parts, obj)
		return n
	}
	if at, ok := c.store.byName[obj.Name]; ok && c.store.slots[at].object == obj {
		return c.store.slots[at].node
	}
	n.encodeObject(c.sinks(), c.parts, obj)
	return n
}

func (c *Scratch) sinks() sinks { return sinks{data: &c.blob, annotations: &c.blob, pods: &c.blob} }

// Table is the encoded records.
func (c *Scratch) Table() []byte { return c.table }

// Data is what the records refer to in SpaceScratch.
func (c *Scratch) Data() []byte { return c.blob.buf }
