// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
)

// slack is how much a heap may grow before its garbage is worth collecting, in bytes.
const slack = 1 << 20

// leastTrash is room for any one record: a list may have been stored before its strings fail.
const leastTrash = 4 << 10

// heap is a sink over a segment that guests have mapped: blocks are reused by size, strings
// are stored once and never freed. Both kinds of garbage go when the store rebuilds the heap.
type heap struct {
	space uint32
	pad   int
	seg   *arena.Segment
	// used is the high-water mark in bytes; rebuilt is what it was after the last rebuild.
	used, rebuilt int
	free          map[int][]uint32
	strings       map[string]abi.Str
	// err is the first failure to grow. Writes then go to trash, so that encoders need no
	// error paths; Sync reports it and the cycle fails.
	err   error
	trash []byte
}

func newHeap(space uint32, name string, pad int) (*heap, error) {
	seg, err := arena.NewSegment(name)
	if err != nil {
		return nil, err
	}
	h := &heap{space: space, pad: pad, seg: seg}
	h.clear()
	return h, nil
}

// clear forgets every block and string. Offset 0 stays unused so that it can mean "nothing".
func (h *heap) clear() {
	h.used, h.err = 8, nil
	h.free = map[int][]uint32{}
	h.strings = map[string]abi.Str{}
}

// wasteful tells whether a rebuild would at least halve the heap or is unlikely to be soon
// again: it has doubled since the last one.
func (h *heap) wasteful() bool { return h.used > 2*h.rebuilt+slack }

// class is the block size for n bytes: at most a quarter is lost, and a list that changes by
// one entry often fits where it was.
func class(n int) int {
	if n <= 64 {
		return align(n, 16)
	}
	step := 16
	for step*8 <= n {
		step *= 2
	}
	return align(n, step)
}

func (h *heap) alloc(n int) uint32 {
	size := class(n)
	if h.err != nil {
		return h.fail(size, h.err)
	}
	if blocks := h.free[size]; len(blocks) > 0 {
		off := blocks[len(blocks)-1]
		h.free[size] = blocks[:len(blocks)-1]
		h.seg.Touch(position(off), size)
		clear(h.at(off)[:size])
		return off
	}
	return h.extend(size)
}

func (h *heap) extend(size int) uint32 {
	if h.err != nil {
		return h.fail(size, h.err)
	}
	pos := h.used
	if pos+size > h.seg.Size() {
		if err := h.seg.Grow(max(pos+size, ahead(h.seg))); err != nil {
			return h.fail(size, err)
		}
	}
	h.used += size
	h.seg.Touch(pos, size)
	off := offset(h.space, pos)
	clear(h.at(off)[:size])
	return off
}

// ahead is how big a segment that is full becomes.
func ahead(seg *arena.Segment) int { return min(arena.Ahead(seg.Size()), arena.MaxSegment) }

func (h *heap) fail(size int, err error) uint32 {
	if h.err == nil {
		h.err = fmt.Errorf("storing cluster state: %w", err)
	}
	h.trash = make([]byte, max(size, len(h.trash), leastTrash))
	return offset(h.space, 0)
}

// release gives a block of n bytes back.
func (h *heap) release(off uint32, n int) {
	if n > 0 {
		h.free[class(n)] = append(h.free[class(n)], off)
	}
}

func (h *heap) at(off uint32) []byte {
	if h.err != nil {
		return h.trash
	}
	return h.seg.Bytes()[position(off):]
}

func (h *heap) str(s string) abi.Str {
	if s == "" {
		return abi.Str{}
	}
	if have, ok := h.strings[s]; ok {
		return have
	}
	ref := abi.Str{Off: h.extend(align(len(s), 8)), Len: uint32(len(s))}
	copy(h.at(ref.Off), s)
	h.strings[s] = ref
	return ref
}

func (h *heap) padding() int { return h.pad }
