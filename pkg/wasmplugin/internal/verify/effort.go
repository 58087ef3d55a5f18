// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"math"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// work is what makes a function expensive to compile. A few kilobytes of perfectly valid code
// can keep wazero busy for minutes, or make it ask for gigabytes: its intermediate form has a
// value for each that an instruction takes or leaves by its type, and for each local that lives
// at a join; it remembers at every block which addresses are known to be in bounds; its passes
// over blocks are quadratic in their number, and its register allocator in the values that live
// at once; every instruction that may trap gets code of its own to do so.
type work struct {
	instructions int
	// traps is the instructions that may trap, calls those that call.
	traps, calls int
	// ends is the ends of basic blocks, joins included.
	ends int
	// moved is the values that blocks, branches and calls take and leave.
	moved int
	// height is the highest operand stack.
	height int
	// bounds is the sum, over the ends of blocks, of the addresses known to be in bounds there,
	// and known is how many are known here: unreached if nothing gets here.
	bounds, known int
	// locals is how many are used; mark says by which function each was used last.
	locals   int
	mark     []uint32
	function uint32
}

// unreached is known more than anything, so that the least of several ways is right.
const unreached = math.MaxInt

func (w *work) begin(locals int) {
	*w = work{mark: w.mark, function: w.function + 1}
	if n := locals - len(w.mark); n > 0 {
		w.mark = append(w.mark, make([]uint32, n)...)
	}
}

func (w *work) use(local uint32) {
	if w.mark[local] != w.function {
		w.mark[local] = w.function
		w.locals++
	}
}

// trap counts an instruction that may trap; a memory access makes an address known.
func (w *work) trap(access bool) {
	w.traps++
	if access && w.known != unreached {
		w.known++
	}
}

// endBlock counts the end of a block with n ways out of it.
func (w *work) endBlock(n int) {
	w.ends += n
	if w.known != unreached {
		w.bounds += w.known
	}
}

// What one of each costs, as found by compiling code that has one thing in growing numbers
// (wasmtest.Heavy) with wazero 1.12 on a small machine: bytes, and nanoseconds.
const (
	bytesPerInstruction = 200
	bytesPerTrap        = 5_500
	bytesPerCall        = 1_300
	bytesPerEnd         = 2_400
	bytesPerValue       = 300
	bytesPerLive        = 150
	bytesPerBound       = 24

	nsPerInstruction = 200
	nsPerTrap        = 10_000
	nsPerCall        = 5_000
	nsPerEndSquared  = 4
	nsPerValue       = 600
	nsPerLiveSquared = 2
	nsPerBound       = 100
)

// memory estimates the bytes that the compiler needs for the function.
func (w *work) memory() int64 {
	live := int64(w.ends) * int64(w.locals+w.height)
	return bytesPerInstruction*int64(w.instructions) + bytesPerTrap*int64(w.traps) + bytesPerCall*int64(w.calls) +
		bytesPerEnd*int64(w.ends) + bytesPerValue*int64(w.moved) + bytesPerLive*live + bytesPerBound*int64(w.bounds)
}

// effort estimates the nanoseconds that the compiler needs for the function.
func (w *work) effort() int64 {
	ends, live := int64(w.ends), int64(w.locals+w.height)
	return nsPerInstruction*int64(w.instructions) + nsPerTrap*int64(w.traps) + nsPerCall*int64(w.calls) +
		nsPerEndSquared*ends*ends + nsPerValue*int64(w.moved) + nsPerLiveSquared*ends*live*live + nsPerBound*int64(w.bounds)
}

func (w *work) end(limits *Limits, report *Report) error {
	report.Effort += w.effort()
	report.CompileBytes = max(report.CompileBytes, w.memory())
	if err := atMost("values on the operand stack", w.height, limits.StackValues); err != nil {
		return err
	}
	if w.memory() > limits.CompileBytes {
		return fmt.Errorf("compiling it is estimated to need %d bytes of memory, the limit is %d: split the function", w.memory(), limits.CompileBytes)
	}
	return effortWithin(report.Effort, limits.Effort)
}

func effortWithin(effort, limit int64) error {
	if effort > limit {
		return fmt.Errorf("compiling the module so far is estimated to take %d ns, the limit is %d ns: split large functions, or leave out what is not used", effort, limit)
	}
	return nil
}

// effortOfType is for the string that wazero makes of each type, value by value.
func effortOfType(t wasm.FuncType) int64 {
	n := int64(len(t.Params) + len(t.Results))
	return n * n
}
