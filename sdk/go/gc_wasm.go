// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"runtime"
	_ "unsafe" // for go:linkname
)

// Fuel of a call is limited, and one garbage collection takes more than most calls may. So Go does not
// collect on its own: stowage_idle does, which the host calls between calls, with fuel of its own.

const (
	// heapRoom is how many bytes besides buffers the heap may take. Beyond that Go collects after all,
	// because to run out of fuel is no worse than to run out of memory.
	heapRoom = 20 << 20
	// collectAfter is how many bytes are allocated before a collection is worth its while.
	collectAfter = 4 << 20
)

var (
	memory runtime.MemStats
	// collected is memory.TotalAlloc at the last collection; unfreed is bytes of buffers, with those
	// that the next collection frees.
	collected, unfreed uint64
)

// They are runtime/debug's SetGCPercent and SetMemoryLimit; that package would add 400 kB to every module.

//go:linkname setGCPercent runtime/debug.setGCPercent
func setGCPercent(percent int32) int32

//go:linkname setMemoryLimit runtime/debug.setMemoryLimit
func setMemoryLimit(bytes int64) int64

func init() {
	setGCPercent(-1)
	allocating(0)
}

// allocating makes room for a buffer. Buffers may be as large as the snapshot of the cluster, of which
// nothing is the policy's doing.
func allocating(size uint64) {
	unfreed += size
	setMemoryLimit(int64(unfreed + heapRoom))
}

//go:wasmexport stowage_idle
func idle() uint32 { //nolint:unparam // The host takes an i32 from every export.
	runtime.ReadMemStats(&memory)
	if memory.TotalAlloc-collected < collectAfter {
		return 0
	}
	collected = memory.TotalAlloc
	runtime.GC()
	unfreed = 0
	for _, b := range buffers {
		unfreed += uint64(len(b)) * 8
	}
	allocating(0)
	return 0
}
