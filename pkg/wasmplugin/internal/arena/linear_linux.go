//go:build linux && !stowage_portable

// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package arena

import (
	"golang.org/x/sys/unix"
)

// Linear is a guest's linear memory: address space for its maximum is reserved at once, so it
// never moves, which is what lets segments be laid over parts of it.
type Linear struct {
	reserved []byte
	size     int
}

// NewLinear reserves maximum bytes. It returns nil if the system has no room.
func NewLinear(maximum uint64) *Linear {
	mem, err := unix.Mmap(-1, 0, roundUp(int(maximum)), unix.PROT_NONE, anonymous)
	if err != nil {
		return nil
	}
	return &Linear{reserved: mem}
}

// Reallocate makes the memory size bytes; nil means that it cannot.
func (l *Linear) Reallocate(size uint64) []byte {
	if l == nil || size > uint64(len(l.reserved)) {
		return nil
	}
	if n := roundUp(int(size)); n > l.size {
		if unix.Mprotect(l.reserved[l.size:n], unix.PROT_READ|unix.PROT_WRITE) != nil {
			return nil
		}
		l.size = n
	}
	return l.reserved[:size:size]
}

// Free returns the memory, and every view laid over it, to the system.
func (l *Linear) Free() {
	if l == nil || l.reserved == nil {
		return
	}
	_ = unix.Munmap(l.reserved)
	l.reserved = nil
}
