// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package snapshot keeps the scheduler's view of the cluster in the flat records that guests
// read in place: one record per node, in a slot that is the node's own for as long as it
// exists, plus the strings and lists that records refer to. Per cycle only nodes whose
// generation changed are encoded again.
//
// Ownership: a Store owns its segments. They go when Close was called and the last user has
// released them, so Close may race with cycles.
//
// Concurrency: the scheduler runs cycles one after the other, and Sync belongs to that
// goroutine. Everything else only reads and may be called by all of a cycle's workers between
// two Syncs. Require, Acquire, Release and Close may be called at any time.
package snapshot

import (
	"errors"
	"sync"
	"sync/atomic"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
)

// stale is a generation that no NodeInfo has: the slot must be encoded.
const stale = -1

// Options of a Store. The zero value is the default.
type Options struct {
	// Padding makes records longer than this version knows them, in multiples of 8 bytes, as a
	// later version's would be. It exists so that guests' tolerance can be tested.
	Padding int
}

// Store is the resident snapshot.
type Store struct {
	padding int
	table   *arena.Segment // node records by slot
	stride  int
	data    *heap
	notes   *heap // annotations
	pods    *heap
	// want is the union of parts that policies declared; parts is what is encoded now.
	want  atomic.Uint64
	parts abi.Parts
	epoch uint64

	slots  []slot
	vacant []uint32
	byName map[string]uint32

	// What the latest Sync saw, by position in the scheduler's list.
	list     []fwk.NodeInfo
	slotAt   []uint32
	genAt    []int64
	position map[unsafe.Pointer]int32
	// noticed has a bit for each position whose record is known to be old.
	noticed []atomic.Uint64
	changed int

	mu     sync.Mutex // guards users and closed
	users  int
	closed bool
}

// ErrClosed is returned for work that arrives after Close.
var ErrClosed = errors.New("the resident snapshot is closed")

// slot is what the store knows of the node in a slot.
type slot struct {
	node
	name string
	// object is the Node that the object's part of the record was made from.
	object *v1.Node
	// at is the slot's position in the list.
	at int32
}

// New makes an empty store.
func New(opts Options) (*Store, error) {
	s := &Store{
		padding: opts.Padding,
		stride:  int(unsafe.Sizeof(abi.NodeRecord{})) + opts.Padding,
		byName:  map[string]uint32{},
		epoch:   1,
	}
	var errs [4]error
	s.table, errs[0] = arena.NewSegment("nodes")
	s.data, errs[1] = newHeap(abi.SpaceData, "data", opts.Padding)
	s.notes, errs[2] = newHeap(abi.SpaceAnnotations, "annotations", opts.Padding)
	s.pods, errs[3] = newHeap(abi.SpacePods, "pods", opts.Padding)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Acquire keeps the segments until Release. It must be held while guests are synced.
func (s *Store) Acquire() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.users++
	return nil
}

// Release ends what Acquire began.
func (s *Store) Release() error {
	s.mu.Lock()
	s.users--
	last := s.closed && s.users == 0
	s.mu.Unlock()
	if last {
		return s.free()
	}
	return nil
}

// Close releases the segments once nobody uses them.
func (s *Store) Close() error {
	s.mu.Lock()
	unused := !s.closed && s.users == 0
	s.closed = true
	s.mu.Unlock()
	if unused {
		return s.free()
	}
	return nil
}

func (s *Store) free() error {
	var errs []error
	if s.table != nil {
		errs = append(errs, s.table.Close())
	}
	for _, h := range s.heaps() {
		if h != nil {
			errs = append(errs, h.seg.Close())
		}
	}
	return errors.Join(errs...)
}

// Require adds parts to what is encoded from the next Sync on.
func (s *Store) Require(parts abi.Parts) { s.want.Or(uint64(parts)) }

// Encoded is the parts that the latest Sync or Follow showed.
func (s *Store) Encoded() abi.Parts { return s.parts }

// Spaces is the segment of each space that a policy reading these parts sees; nil elsewhere.
func (s *Store) Spaces(reads abi.Parts) (segs [abi.NumSpaces]*arena.Segment) {
	segs[abi.SpaceNodes], segs[abi.SpaceData] = s.table, s.data.seg
	if reads&abi.NodeAnnotations != 0 {
		segs[abi.SpaceAnnotations] = s.notes.seg
	}
	if reads&abi.NodePods != 0 {
		segs[abi.SpacePods] = s.pods.seg
	}
	return segs
}

// Strides is the table for Frame.Strides.
func (s *Store) Strides() [abi.NumRecords]uint32 {
	pad := uint32(s.padding)
	return [abi.NumRecords]uint32{
		abi.RecordNode:       uint32(unsafe.Sizeof(abi.NodeRecord{})) + pad,
		abi.RecordTaint:      uint32(unsafe.Sizeof(abi.Taint{})) + pad,
		abi.RecordExtended:   uint32(unsafe.Sizeof(abi.Extended{})) + pad,
		abi.RecordCondition:  uint32(unsafe.Sizeof(abi.Condition{})) + pad,
		abi.RecordImage:      uint32(unsafe.Sizeof(abi.Image{})) + pad,
		abi.RecordPort:       uint32(unsafe.Sizeof(abi.Port{})) + pad,
		abi.RecordPodOnNode:  uint32(unsafe.Sizeof(abi.PodOnNode{})) + pad,
		abi.RecordPod:        uint32(unsafe.Sizeof(abi.PodRecord{})) + pad,
		abi.RecordToleration: uint32(unsafe.Sizeof(abi.Toleration{})) + pad,
		abi.RecordExpression: uint32(unsafe.Sizeof(abi.Expression{})) + pad,
		abi.RecordNodeTerm:   uint32(unsafe.Sizeof(abi.NodeTerm{})) + pad,
		abi.RecordPodTerm:    uint32(unsafe.Sizeof(abi.PodTerm{})) + pad,
		abi.RecordSpread:     uint32(unsafe.Sizeof(abi.Spread{})) + pad,
		abi.RecordContainer:  uint32(unsafe.Sizeof(abi.Container{})) + pad,
		abi.RecordVolume:     uint32(unsafe.Sizeof(abi.Volume{})) + pad,
		abi.RecordQuantity:   uint32(unsafe.Sizeof(abi.Quantity{})) + pad,
		abi.RecordOwner:      uint32(unsafe.Sizeof(abi.Owner{})) + pad,
		abi.RecordObject:     uint32(unsafe.Sizeof(abi.Object{})) + pad,
	}
}

// Epoch is Frame.Epoch.
func (s *Store) Epoch() uint64 { return s.epoch }

// SlotCount is Frame.NodeCount.
func (s *Store) SlotCount() int { return len(s.slots) }

// Len is the number of nodes.
func (s *Store) Len() int { return len(s.list) }

// Slots is the slot of each position. It is valid, and must not be changed, until the next Sync.
func (s *Store) Slots() []uint32 { return s.slotAt }

// Changed is how many nodes the latest Sync encoded.
func (s *Store) Changed() int { return s.changed }
