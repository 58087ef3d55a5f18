//go:build linux && !stowage_portable

// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package arena

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mapped tells that this build maps segments instead of copying them, so that guests need
// linear memory made by NewLinear.
const Mapped = true

// PageSize is the granularity of mapping in bytes: the largest page of any system that Go runs
// on (arm64 kernels may use 64 KiB), so that a window fits the system's pages whatever they are.
const PageSize = 64 << 10

// Segment is memory in a file without a name. The host's mapping covers MaxSegment bytes of
// address space from the start, so it never moves; the file grows under it.
type Segment struct {
	fd   int
	size int
	mem  []byte
}

// NewSegment makes an empty segment. The name shows in /proc/<pid>/smaps.
func NewSegment(name string) (*Segment, error) {
	fd, err := unix.MemfdCreate("stowage-"+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("creating memory file %q: %w", name, err)
	}
	mem, err := unix.Mmap(fd, 0, MaxSegment, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_NORESERVE)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("mapping memory file %q: %w", name, err)
	}
	return &Segment{fd: fd, mem: mem}, nil
}

// Bytes is the segment's content. The slice stays valid until Close; its length is Size.
func (s *Segment) Bytes() []byte { return s.mem[:s.size] }

// Size is the segment's size in bytes, a multiple of PageSize.
func (s *Segment) Size() int { return s.size }

// Grow makes the segment at least size bytes. It never shrinks: a page that a guest has mapped
// must stay backed by the file, or reading it would kill the process.
func (s *Segment) Grow(size int) error {
	size = roundUp(size)
	if size <= s.size {
		return nil
	}
	if size > MaxSegment {
		return fmt.Errorf("growing segment to %d bytes: the limit is %d", size, MaxSegment)
	}
	if err := unix.Ftruncate(s.fd, int64(size)); err != nil {
		return fmt.Errorf("growing segment to %d bytes: %w", size, err)
	}
	s.size = size
	return nil
}

// Touch records that bytes were written; mapped guests see them anyway.
func (s *Segment) Touch(_, _ int) {}

// Close releases the host's mapping and the file. Guests' mappings stay valid until their
// linear memory goes.
func (s *Segment) Close() error {
	if s.mem == nil {
		return nil
	}
	err := unix.Munmap(s.mem)
	s.mem = nil
	if cerr := unix.Close(s.fd); err == nil {
		err = cerr
	}
	return err
}

// View is one guest's sight of a segment.
type View struct{ size int }

// Size is how many bytes of the segment the view covers.
func (v *View) Size() int { return v.size }

// Attach lays the first len(window) bytes of the segment over window, which must start at a page
// boundary, be part of a Linear and be no longer than the segment.
func (v *View) Attach(s *Segment, window []byte) error {
	if len(window) > s.size || len(window)%PageSize != 0 {
		return fmt.Errorf("attaching %d bytes of a segment of %d", len(window), s.size)
	}
	err := mmapFixed(window, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_NORESERVE, s.fd)
	if err != nil {
		return fmt.Errorf("mapping segment into guest: %w", err)
	}
	v.size = len(window)
	return nil
}

// Detach turns the window back into zeroed memory of the guest's own. It must be called before
// the guest may reuse the window's bytes: they would change under it.
func (v *View) Detach(window []byte) error {
	v.size = 0
	if err := mmapFixed(window, unix.PROT_READ|unix.PROT_WRITE, anonymous, -1); err != nil {
		return fmt.Errorf("unmapping segment from guest: %w", err)
	}
	return nil
}

// Sync brings the window up to date with the segment.
func (v *View) Sync(*Segment, []byte) {}

const anonymous = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE

func mmapFixed(at []byte, prot, flags, fd int) error {
	if len(at) == 0 {
		return nil
	}
	_, err := unix.MmapPtr(fd, 0, unsafe.Pointer(unsafe.SliceData(at)), uintptr(len(at)), prot, flags|unix.MAP_FIXED)
	return err
}
