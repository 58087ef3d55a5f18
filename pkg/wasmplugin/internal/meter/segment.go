// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

// A segment is code that is executed as often as its first instruction, unless something traps.
// It may have holes: what comes after a block that is always left through its end belongs to the
// segment before the block.
type segment struct {
	// at is the offset of the instruction before which the segment is charged.
	at int
	// parent is a segment of the same function that has been executed whenever this one is, at
	// least as often.
	parent int32
	kind   kind
	// checked says that the counter is looked at after the charge.
	checked bool
	// callFree says of a loop that nothing in it calls a function.
	callFree bool
	weight   uint64
}

type kind uint8

const (
	entry kind = iota
	header
	conditional
)

const (
	// absorbMax is how much weight of conditional segments, all together, a segment takes upon
	// itself so that they need no charge of their own. It bounds what is charged for code that is
	// not executed, per charge. It matters to stock Go, where every basic block is conditional on
	// a dispatching loop: with 16, Go code pays for 1.2 times what it executes and a policy such
	// as binpack takes 1.12 times as long as without metering; with 64 it is 1.8 and 1.10, with
	// 128 it is 2.5 and 1.05.
	absorbMax = 128
	// leafMax is the weight up to which a function without calls and loops does not check: its
	// caller will.
	leafMax = 64
	// uncheckedMax is the weight of a function's code after which every charge checks, so that
	// a function without loops cannot outrun its fuel by more than that.
	uncheckedMax = 1 << 16
)

// settler is room for settle, for all functions in turn.
type settler struct {
	// absorbed is by segment how much it has taken upon itself, payer which one pays for it.
	absorbed []uint64
	payer    []int32
}

// settle decides what each segment of a function pays: nothing, if an earlier one absorbs it.
func (s *settler) settle(segments []segment, b *body) {
	s.absorbed, s.payer = s.absorbed[:0], s.payer[:0]
	for i := range segments {
		s.absorbed, s.payer = append(s.absorbed, 0), append(s.payer, int32(i))
	}
	if e := &segments[0]; b.straight > 0 && e.weight <= absorbMax {
		s.absorbed[b.straight], s.absorbed[0] = e.weight, absorbMax
		segments[b.straight].weight += e.weight
		e.weight = 0
	}
	for i := range segments {
		s.absorb(segments, i)
	}
	unchecked := uint64(b.calls) * leafMax
	for i := range segments {
		s := &segments[i]
		unchecked += s.weight
		s.checked = s.weight > 0 && (s.checked || unchecked > uncheckedMax)
	}
	if b.leaf() && segments[0].weight <= leafMax {
		segments[0].checked = false
	}
}

// absorb adds a segment to the one that pays for its parent if that has room for it.
func (s *settler) absorb(segments []segment, i int) {
	c := &segments[i]
	by := s.payer[c.parent]
	if c.kind != conditional || s.absorbed[by]+c.weight > absorbMax {
		return
	}
	s.absorbed[by] += c.weight
	segments[by].weight += c.weight
	c.weight, s.payer[i] = 0, by
}
