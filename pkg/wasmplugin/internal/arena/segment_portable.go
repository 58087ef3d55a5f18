//go:build !linux || stowage_portable

// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package arena

import "fmt"

// Mapped tells that this build copies segments instead of mapping them; any linear memory does.
const Mapped = false

// PageSize is the granularity of change tracking in bytes.
const PageSize = 4096

// Segment is ordinary memory with a version for each page.
type Segment struct {
	mem     []byte
	pages   []uint64 // version at which each page last changed
	version uint64   // of the latest change
}

// NewSegment makes an empty segment.
func NewSegment(string) (*Segment, error) { return &Segment{}, nil }

// Bytes is the segment's content. The slice stays valid until Grow or Close.
func (s *Segment) Bytes() []byte { return s.mem }

// Size is the segment's size in bytes, a multiple of PageSize.
func (s *Segment) Size() int { return len(s.mem) }

// Grow makes the segment at least size bytes; it never shrinks.
func (s *Segment) Grow(size int) error {
	size = roundUp(size)
	if size <= len(s.mem) {
		return nil
	}
	if size > MaxSegment {
		return fmt.Errorf("growing segment to %d bytes: the limit is %d", size, MaxSegment)
	}
	s.mem = append(make([]byte, 0, size), s.mem...)[:size]
	s.pages = append(s.pages, make([]uint64, size/PageSize-len(s.pages))...)
	return nil
}

// Touch records that n bytes from off were written.
func (s *Segment) Touch(off, n int) {
	s.version++
	for p := off / PageSize; p*PageSize < off+n; p++ {
		s.pages[p] = s.version
	}
}

// Close releases the memory.
func (s *Segment) Close() error {
	s.mem, s.pages = nil, nil
	return nil
}

// View is one guest's copy of a segment.
type View struct {
	size   int
	synced uint64 // Segment.version that the copy shows
}

// Size is how many bytes of the segment the view covers.
func (v *View) Size() int { return v.size }

// Attach copies the first len(window) bytes of the segment to window.
func (v *View) Attach(s *Segment, window []byte) error {
	if len(window) > len(s.mem) || len(window)%PageSize != 0 {
		return fmt.Errorf("attaching %d bytes of a segment of %d", len(window), len(s.mem))
	}
	copy(window, s.mem)
	v.size, v.synced = len(window), s.version
	return nil
}

// Detach turns the window back into zeroed memory of the guest's own.
func (v *View) Detach(window []byte) error {
	clear(window)
	*v = View{}
	return nil
}

// Sync copies the pages that changed since the last Sync or Attach to window.
func (v *View) Sync(s *Segment, window []byte) {
	if v.synced == s.version {
		return
	}
	for p := 0; p*PageSize < v.size; p++ {
		if s.pages[p] > v.synced {
			copy(window[p*PageSize:(p+1)*PageSize], s.mem[p*PageSize:])
		}
	}
	v.synced = s.version
}

// Linear is a guest's linear memory: an ordinary slice, which may move when it grows.
type Linear struct{ mem []byte }

// NewLinear makes an empty memory.
func NewLinear(uint64) *Linear { return &Linear{} }

// Reallocate makes the memory size bytes.
func (l *Linear) Reallocate(size uint64) []byte {
	if size > uint64(cap(l.mem)) {
		grown := make([]byte, size, max(size, min(2*uint64(cap(l.mem)), size+maxStep)))
		copy(grown, l.mem)
		l.mem = grown
	}
	l.mem = l.mem[:size]
	return l.mem
}

// Free drops the memory, of which there need be none.
func (l *Linear) Free() {
	if l != nil {
		l.mem = nil
	}
}
