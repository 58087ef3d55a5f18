// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

import "fmt"

// ValType is the type of a value.
type ValType byte

// The types of values.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
)

// String is the type's name in the text format.
func (t ValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	}
	return fmt.Sprintf("type %#x", byte(t))
}

// IsRef says whether values of the type are references.
func (t ValType) IsRef() bool { return t == FuncRef || t == ExternRef }

func (t ValType) known() bool { return t >= V128 && t <= I32 || t.IsRef() }

// ValType reads the type of a value.
func (r *Reader) ValType() ValType {
	start := r.pos
	t := ValType(r.Byte())
	if !t.known() {
		r.badType(start, byte(t))
	}
	return t
}

// RefType reads the type of a reference.
func (r *Reader) RefType() ValType {
	start := r.pos
	t := r.ValType()
	if !t.IsRef() {
		r.Fail(start, "%s is not a reference type", t)
	}
	return t
}

func (r *Reader) badType(offset int, t byte) {
	if f := featureOfType(t); f != "" {
		r.refuse(offset, f, "the value type %#x", t)
		return
	}
	r.Fail(offset, "%#x is not a value type", t)
}

// FuncType is what a function takes and returns. The slices are the module's.
type FuncType struct{ Params, Results []byte }

// FuncType reads an entry of the type section.
func (r *Reader) FuncType() (t FuncType) {
	start := r.pos
	if form := r.Byte(); form != 0x60 {
		if f := featureOfForm(form); f != "" {
			r.refuse(start, f, "the type form %#x", form)
		}
		r.Fail(start, "%#x is not a function type", form)
	}
	t.Params = r.valTypes()
	t.Results = r.valTypes()
	return t
}

func (r *Reader) valTypes() []byte {
	types := r.Bytes(uint32(r.Count(1)))
	for i, t := range types {
		if !ValType(t).known() {
			r.badType(r.pos-len(types)+i, t)
			return nil
		}
	}
	return types
}

// Limits are the size of a memory in pages or of a table in entries.
type Limits struct {
	Min, Max uint32
	// HasMax is false if there is no maximum.
	HasMax bool
}

// Limits reads limits.
func (r *Reader) Limits() (l Limits) {
	start := r.pos
	flags := r.Byte()
	if flags > 1 {
		if f := featureOfLimits(flags); f != "" {
			r.refuse(start, f, "limits with the flags %#x", flags)
		}
		r.Fail(start, "%#x is not how limits start", flags)
	}
	l.Min = r.U32()
	if l.HasMax = flags == 1; l.HasMax {
		l.Max = r.U32()
	}
	if l.HasMax && l.Max < l.Min {
		r.Fail(start, "the maximum %d is less than the minimum %d", l.Max, l.Min)
	}
	return l
}

// Table is a table's type.
type Table struct {
	Limits

	Elem ValType
}

// Table reads the type of a table.
func (r *Reader) Table() (t Table) {
	start := r.pos
	if r.Len() > 0 && r.module[r.pos] == 0x40 {
		r.refuse(start, FeatureFuncRefs, "a table with an initial value")
		return t
	}
	t.Elem = r.RefType()
	t.Limits = r.Limits()
	return t
}

// GlobalType is a global's type.
type GlobalType struct {
	Type    ValType
	Mutable bool
}

// GlobalType reads the type of a global.
func (r *Reader) GlobalType() (g GlobalType) {
	g.Type = r.ValType()
	start := r.pos
	mutable := r.Byte()
	if mutable > 1 {
		r.Fail(start, "%#x is not a mutability", mutable)
	}
	g.Mutable = mutable == 1
	return g
}
