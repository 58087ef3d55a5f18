// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"maps"
	"slices"
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// padding follows every record whose stride the host states, as if the host knew more fields
// than the SDK. It is filled with rubbish.
const padding = 8

// space is the memory of one space while it is written. Addresses are taken when it is done.
type space struct {
	id  uint32
	buf []byte
	// interned holds the offsets of strings; nil in spaces that do not share equal strings.
	interned map[string]uint32
}

func newSpace(id uint32) *space {
	s := &space{id: id, buf: make([]byte, 0, 4096)}
	if id < abi.SpacePod {
		s.interned = map[string]uint32{}
	}
	return s
}

func (s *space) base() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s.buf)) }

// at is the address of an offset, once the space is done.
func (s *space) at(off uint32) unsafe.Pointer {
	return unsafe.Add(s.base(), uintptr(off&abi.OffsetMask)*abi.WordSize)
}

// record appends one record and returns its offset.
func record[R any](s *space, r R) uint32 { return records(s, padding, []R{r}).Off }

// next is the offset of what is appended next.
func (s *space) next() uint32 {
	for len(s.buf)%8 != 0 {
		s.buf = append(s.buf, 0xff)
	}
	return s.id<<abi.SpaceShift | uint32(len(s.buf)/abi.WordSize)
}

func pointerTo[T any](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

func (s *space) str(v string) abi.Str {
	if v == "" {
		return abi.Str{}
	}
	off, ok := s.interned[v]
	if !ok {
		off = s.next()
		s.buf = append(s.buf, v...)
		if s.interned != nil {
			s.interned[v] = off
		}
	}
	return abi.Str{Off: off, Len: uint32(len(v))}
}

// records appends records, each followed by pad bytes.
func records[R any](s *space, pad int, rs []R) abi.List {
	if len(rs) == 0 {
		return abi.List{}
	}
	l := abi.List{Off: s.next(), Count: uint32(len(rs))}
	for i := range rs {
		s.buf = append(s.buf, unsafe.Slice((*byte)(unsafe.Pointer(&rs[i])), unsafe.Sizeof(rs[i]))...)
		for range pad {
			s.buf = append(s.buf, 0xff)
		}
	}
	return l
}

// list converts and appends.
func list[T, R any](s *space, ts []T, convert func(*space, T) R) abi.List {
	rs := make([]R, len(ts))
	for i, t := range ts {
		rs[i] = convert(s, t)
	}
	return records(s, padding, rs)
}

// labels are frozen records: they have no padding.
func (s *space) labels(m map[string]string) abi.List {
	var ls []abi.Label
	for _, key := range slices.Sorted(maps.Keys(m)) {
		ls = append(ls, abi.Label{Key: s.str(key), Value: s.str(m[key])})
	}
	return records(s, 0, ls)
}

func (s *space) strings(vs []string) abi.List {
	var rs []abi.Str
	for _, v := range vs {
		rs = append(rs, s.str(v))
	}
	return records(s, 0, rs)
}

func stride[R any]() uint32 {
	var r R
	return uint32(unsafe.Sizeof(r)) + padding
}

// strides is one longer than this version needs, as a later host's may be.
var strides = [abi.NumRecords + 1]uint32{
	abi.RecordNode:       stride[abi.NodeRecord](),
	abi.RecordTaint:      stride[abi.Taint](),
	abi.RecordExtended:   stride[abi.Extended](),
	abi.RecordCondition:  stride[abi.Condition](),
	abi.RecordImage:      stride[abi.Image](),
	abi.RecordPort:       stride[abi.Port](),
	abi.RecordPodOnNode:  stride[abi.PodOnNode](),
	abi.RecordPod:        stride[abi.PodRecord](),
	abi.RecordToleration: stride[abi.Toleration](),
	abi.RecordExpression: stride[abi.Expression](),
	abi.RecordNodeTerm:   stride[abi.NodeTerm](),
	abi.RecordPodTerm:    stride[abi.PodTerm](),
	abi.RecordSpread:     stride[abi.Spread](),
	abi.RecordContainer:  stride[abi.Container](),
	abi.RecordVolume:     stride[abi.Volume](),
	abi.RecordQuantity:   stride[abi.Quantity](),
	abi.RecordOwner:      stride[abi.Owner](),
	abi.RecordObject:     stride[abi.Object](),
}
