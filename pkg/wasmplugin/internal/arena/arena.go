// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package arena shares memory that the host writes with many guests that read it.
//
// A Segment is the host's copy. A View is how one guest sees a segment inside a window of its
// own linear memory. On Linux the window is the segment's own pages, mapped copy-on-write:
// the host's writes show in every guest at once, a guest's writes stay in that guest, and the
// pages exist once however many guests there are. Elsewhere (and with the build tag
// stowage_portable) the window is ordinary memory into which changed pages are copied.
//
// Ownership: whoever makes a Segment or a Linear closes it. Views hold no resources of their
// own; unmapping the linear memory ends them.
//
// Concurrency: a Segment is written by one goroutine while no View of it is being synced and
// no guest that sees it runs. Any number of Views may Sync at the same time.
package arena

// MaxSegment is the most a segment can hold: what an ABI offset reaches.
const MaxSegment = 1 << 31

// maxStep is the most that segments and windows grow at once beyond what they need, in bytes.
const maxStep = 64 << 20

// Ahead is how big what has become too small at size bytes should become: twice as big, but not
// by so much that windows, which guests have to allocate, outgrow the guests.
func Ahead(size int) int { return size + min(size, maxStep) }

// WindowSize is how many bytes a guest must allocate for a window that holds size bytes
// wherever the allocation starts.
func WindowSize(size int) int { return roundUp(size) + PageSize }

// AlignWindow is the first page-aligned address at or after addr.
func AlignWindow(addr uint32) uint32 { return uint32(roundUp(int(addr))) }

func roundUp(n int) int { return (n + PageSize - 1) &^ (PageSize - 1) }
