// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

const (
	// frameBase is what a frame takes at least: return address, frame pointer, saved registers
	// and the arguments of a call into the host.
	frameBase = 288
	// frameSlot is what a value takes that is kept in the frame: a vector's 16 bytes, whatever its type.
	frameSlot = 16
	// uncountedMax is how much native stack functions may take together that call each other
	// without any of them taking it from the counter. The larger, the fewer functions count, and the
	// more of the counter those take that do.
	uncountedMax = 16 << 10
)

// countStack chooses which functions count. Every cycle of calls has to contain one of them: those
// that call indirectly do, as anything may come of that, and one on each cycle of direct calls.
// The others are added to whichever calls them.
func (p *program) countStack() {
	v := visitor{program: p, below: make([]uint64, len(p.bodies)), state: make([]uint8, len(p.bodies))}
	for f := range p.bodies {
		v.visit(uint32(f))
	}
}

// visitor goes through the graph of direct calls, depth first.
type visitor struct {
	*program

	path []step
	// below is how much stack a function takes with what it calls, up to functions that count.
	below []uint64
	state []uint8
}

// step is a function that is being visited and the next of its callees.
type step struct {
	function uint32
	next     int
}

const (
	unseen uint8 = iota
	onPath
	done
)

func (v *visitor) visit(root uint32) {
	if v.state[root] != unseen {
		return
	}
	v.enter(root)
	for len(v.path) > 0 {
		s := &v.path[len(v.path)-1]
		b := &v.bodies[s.function]
		if s.next == b.callees[1] {
			v.leave(s.function)
			continue
		}
		callee := v.callees[s.next]
		s.next++
		switch v.state[callee] {
		case unseen:
			v.enter(callee)
		case onPath:
			v.bodies[callee].counted = true
		}
	}
}

func (v *visitor) enter(function uint32) {
	v.state[function] = onPath
	v.path = append(v.path, step{function, v.bodies[function].callees[0]})
}

// leave has seen all callees of a function.
func (v *visitor) leave(function uint32) {
	v.path = v.path[:len(v.path)-1]
	v.state[function] = done
	b := &v.bodies[function]
	deepest := uint64(0)
	for _, c := range v.callees[b.callees[0]:b.callees[1]] {
		if !v.bodies[c].counted {
			deepest = max(deepest, v.below[c])
		}
	}
	v.below[function] = b.frameSize() + deepest
	b.counted = b.counted || b.indirect || b.calls > 0 && v.below[function] > uncountedMax
	b.frame = v.below[function]
}

// frameSize is about the most that the native frame of a function takes.
func (b *body) frameSize() uint64 { return frameBase + frameSlot*b.slots }

// values counts what may be kept in the native frame of a function. wazero gives every value that
// it cannot keep in a register for as long as it lives a place of its own, for good: each version
// of a local, each operand that is there during a call, and whatever joins at a label.
type values struct {
	params, sets, kept, joins, joined uint64
	// counted is how many operands from the bottom of the stack are in kept.
	counted int
	// assigned is the locals that are set.
	assigned map[uint32]struct{}
}

// registers is how many operands are kept in registers for certain.
const registers = 8

func (v *values) begin(params int) {
	assigned := v.assigned
	// Clearing takes as long as the map has ever been large, and there may be many functions.
	if assigned == nil || len(assigned) > 64 {
		assigned = map[uint32]struct{}{}
	}
	clear(assigned)
	*v = values{params: uint64(params), assigned: assigned}
}

func (v *values) set(local uint32) {
	v.sets++
	v.assigned[local] = struct{}{}
}

// keep counts the operands up to a height.
func (v *values) keep(height int) {
	if n := height - v.counted; n > 0 {
		v.kept += uint64(n)
		v.counted = height
	}
}

// drop forgets the operands above a height.
func (v *values) drop(height int) { v.counted = min(v.counted, max(height, 0)) }

// join counts a place that control comes to in more than one way.
func (v *values) join(operands int) {
	v.joins++
	v.joined += uint64(operands)
}

func (v *values) slots() uint64 {
	return v.params + v.sets + v.kept + v.joined + v.joins*uint64(len(v.assigned))
}
