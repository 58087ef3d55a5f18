// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"

// What instructions cost, in units of fuel. One unit is about what an addition takes; the table
// is coarse on purpose, because it is a contract: a change needs another Version.
const (
	// weightDefault is of whatever is not in the table: arithmetic, comparisons, constants, locals.
	weightDefault = 1
	// weightAccess is of memory, globals and tables: a bounds check and a load.
	weightAccess = 2
	// weightSlow is of what compiles to several instructions: br_table, conversions that can trap,
	// min and max with their NaN rules, vectors.
	weightSlow = 3
	// weightDivide is of division, remainder and square root.
	weightDivide = 10
	// weightCall and weightIndirect are of a call, apart from what the callee does.
	weightCall     = 5
	weightIndirect = 10
	// weightBulk is of starting an instruction on ranges of memory or a table.
	weightBulk = 20
	// weightHost is of leaving compiled code: imported functions, growing, making references.
	weightHost = 100

	// bytesPerUnit (as a power of two) is how many bytes a bulk instruction handles for a unit: what
	// memory does that is in no cache.
	bytesPerUnit = 3
	// unitsPerPage (as a power of two) is what the operating system does for a page that memory.grow
	// adds: 16 faults and the zeroing, once the guest touches it.
	unitsPerPage = 13
	// localsPerUnit is how many locals are zeroed on entry for a unit.
	localsPerUnit = 8
)

var oneByteWeights, miscWeights = weigh()

// weigh makes the table for opcodes without a prefix and for those after 0xfc.
func weigh() (one [256]uint8, misc [18]uint8) {
	fill(one[:], 0, 0xff, weightDefault)
	for _, free := range []wasm.Op{wasm.OpNop, wasm.OpBlock, wasm.OpElse, wasm.OpEnd} {
		one[free] = 0
	}
	one[wasm.OpBrTable] = weightSlow
	one[wasm.OpCall], one[wasm.OpCallIndirect] = weightCall, weightIndirect
	fill(one[:], wasm.OpGlobalGet, wasm.OpTableSet, weightAccess)
	fill(one[:], 0x28, 0x3e, weightAccess)
	one[wasm.OpMemoryGrow] = weightHost
	for _, divide := range []wasm.Op{0x6d, 0x7f} { // div and rem of i32 and i64
		fill(one[:], divide, divide+3, weightDivide)
	}
	for _, float := range []wasm.Op{0x91, 0x95, 0x9f, 0xa3} { // sqrt and div of f32 and f64
		one[float] = weightDivide
	}
	for _, minimum := range []wasm.Op{0x96, 0xa4} { // min and max of f32 and f64
		fill(one[:], minimum, minimum+1, weightSlow)
	}
	fill(one[:], 0xa8, 0xbb, weightSlow) // conversions
	one[wasm.OpRefFunc] = weightHost
	fill(misc[:], 0, 7, weightSlow)
	fill(misc[:], 8, 17, weightBulk)
	misc[wasm.OpTableGrow&0xff] = weightHost
	return one, misc
}

func fill(weights []uint8, from, to wasm.Op, weight uint8) {
	for op := from; op <= to; op++ {
		weights[op] = weight
	}
}

// weight is what an instruction costs apart from what it does to a range.
func weight(op wasm.Op) uint64 {
	switch op >> 8 {
	case 0:
		return uint64(oneByteWeights[op])
	case 0xfc:
		return uint64(miscWeights[op&0xff])
	}
	return weightSlow
}
