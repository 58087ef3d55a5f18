// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// sink is where records are encoded: a heap that guests have mapped, or a blob that is copied
// to one guest. Offsets are the ABI's: space bits and words.
type sink interface {
	// alloc reserves n zeroed bytes, aligned to 8.
	alloc(n int) uint32
	// at is the memory from an offset that alloc returned, until the next alloc or str.
	at(off uint32) []byte
	// str stores a string; resident spaces store equal strings once.
	str(s string) abi.Str
	// padding is how many bytes records are longer than this version knows them.
	padding() int
}

// put stores a fixed-layout value at off.
func put[T any](s sink, off uint32, v T) {
	b := s.at(off)
	*(*T)(unsafe.Pointer(&b[:unsafe.Sizeof(v)][0])) = v
}

// growing is a list whose records later versions may extend, so entries are a stride apart.
type growing[T any] struct {
	s      sink
	list   abi.List
	stride int
}

func newGrowing[T any](s sink, n int) growing[T] {
	var zero T
	g := growing[T]{s: s, stride: int(unsafe.Sizeof(zero)) + s.padding()}
	g.list = newList(s, n, g.stride)
	return g
}

func (g growing[T]) set(i int, v T) { put(g.s, entry(g.list, i, g.stride), v) }

// frozen is a list of Str or Label, whose layout never changes.
type frozen[T any] struct {
	s    sink
	list abi.List
}

func newFrozen[T any](s sink, n int) frozen[T] {
	var zero T
	return frozen[T]{s: s, list: newList(s, n, int(unsafe.Sizeof(zero)))}
}

func (f frozen[T]) set(i int, v T) { put(f.s, entry(f.list, i, int(unsafe.Sizeof(v))), v) }

func newList(s sink, n, stride int) abi.List {
	if n == 0 {
		return abi.List{}
	}
	return abi.List{Off: s.alloc(n * stride), Count: uint32(n)}
}

func entry(l abi.List, i, stride int) uint32 { return l.Off + uint32(i*stride/abi.WordSize) }

// offset makes an ABI offset of a byte position within a space.
func offset(space uint32, pos int) uint32 { return space<<abi.SpaceShift | uint32(pos/abi.WordSize) }

// position is the byte position of an ABI offset within its space.
func position(off uint32) int { return int(off&abi.OffsetMask) * abi.WordSize }

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }
