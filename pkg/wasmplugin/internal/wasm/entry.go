// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasm

// Kind says what is imported or exported.
type Kind byte

// The kinds of imports and exports.
const (
	KindFunc Kind = iota
	KindTable
	KindMemory
	KindGlobal
	kindTag
)

// String is the kind's name.
func (k Kind) String() string {
	return [...]string{"function", "table", "memory", "global", "tag"}[min(k, kindTag)]
}

func (r *Reader) kind() Kind {
	start := r.pos
	k := Kind(r.Byte())
	switch {
	case k == kindTag:
		r.refuse(start, FeatureExceptions, "a tag")
	case k > kindTag:
		r.Fail(start, "%#x is not a kind of import or export", byte(k))
	}
	return k
}

// Import is an entry of the import section. What it is apart from its names is in the field of its kind.
type Import struct {
	Module, Name string
	Kind         Kind
	// Type is the index of a function's type.
	Type   uint32
	Table  Table
	Memory Limits
	Global GlobalType
}

// Import reads an import.
func (r *Reader) Import() (i Import) {
	i.Module, i.Name = r.Name(), r.Name()
	switch i.Kind = r.kind(); i.Kind {
	case KindFunc:
		i.Type = r.U32()
	case KindTable:
		i.Table = r.Table()
	case KindMemory:
		i.Memory = r.Limits()
	case KindGlobal:
		i.Global = r.GlobalType()
	}
	return i
}

// Export is an entry of the export section.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// Export reads an export.
func (r *Reader) Export() (e Export) {
	e.Name, e.Kind = r.Name(), r.kind()
	e.Index = r.U32()
	return e
}

// ConstExpr reads a constant expression, which is one instruction and end, into in.
func (r *Reader) ConstExpr(in *Instr) {
	start := r.pos
	r.Instr(in)
	switch in.Op {
	case OpI32Const, OpI64Const, OpF32Const, OpF64Const, OpV128Const, OpGlobalGet, OpRefNull, OpRefFunc:
	default:
		r.Fail(start, "%s in a constant expression", in.Op)
	}
	end := r.pos
	if Op(r.Byte()) != OpEnd {
		r.refuse(end, FeatureExtendedConst, "a constant expression of more than one instruction")
	}
}

// Segment is what element and data segments start with.
type Segment struct {
	// Mode says when the segment is used.
	Mode Mode
	// Index is the table or the memory of an active segment.
	Index uint32
	// Offset is where in it an active segment starts.
	Offset Instr
}

// Mode says when a segment is used.
type Mode byte

// Modes of segments.
const (
	// Active segments are copied on instantiation.
	Active Mode = iota
	// Passive segments are copied by instructions.
	Passive
	// Declarative segments only allow functions to be referred to.
	Declarative
)

// Elem is the start of an element segment, up to its items.
type Elem struct {
	Segment

	Type ValType
	// Count is how many items follow, to be read with ElemItem.
	Count int
	// Exprs says that the items are expressions rather than indices.
	Exprs bool
}

// Elem reads the start of an element segment.
func (r *Reader) Elem(e *Elem) {
	start := r.pos
	flags := r.U32()
	if flags > 7 {
		r.Fail(start, "%#x is not how an element segment starts", flags)
	}
	*e = Elem{Type: FuncRef, Exprs: flags&4 != 0}
	switch flags & 3 {
	case 1:
		e.Mode = Passive
	case 3:
		e.Mode = Declarative
	default:
		if flags&2 != 0 {
			e.Index = r.U32()
		}
		r.ConstExpr(&e.Offset)
	}
	if flags&3 != 0 {
		e.Type = r.elemType(e.Exprs)
	}
	e.Count = r.Count(1)
}

// elemType is a reference type before expressions and the byte 0 before function indices.
func (r *Reader) elemType(exprs bool) ValType {
	if exprs {
		return r.RefType()
	}
	start := r.pos
	if kind := r.Byte(); kind != 0 {
		r.Fail(start, "%#x is not a kind of element", kind)
	}
	return FuncRef
}

// ElemItem reads an item of the segment as the instruction that gives its value.
func (r *Reader) ElemItem(e *Elem, in *Instr) {
	if e.Exprs {
		r.ConstExpr(in)
		return
	}
	in.Op, in.Start = OpRefFunc, r.pos
	in.Index = r.U32()
	in.End = r.pos
}

// Data is a data segment.
type Data struct {
	Segment

	// Init is the module's.
	Init []byte
}

// Data reads a data segment.
func (r *Reader) Data(d *Data) {
	start := r.pos
	flags := r.U32()
	*d = Data{}
	switch flags {
	case 0, 2:
		if flags == 2 {
			d.Index = r.U32()
		}
		r.ConstExpr(&d.Offset)
	case 1:
		d.Mode = Passive
	default:
		r.Fail(start, "%#x is not how a data segment starts", flags)
	}
	if d.Index != 0 {
		r.refuse(start, FeatureMultiMemory, "data for memory %d", d.Index)
	}
	d.Init = r.Bytes(r.U32())
}

// Locals are locals of one type that a function declares in a row.
type Locals struct {
	Count uint32
	Type  ValType
}

// Body is a function's entry in the code section.
type Body struct {
	// Locals is reused when the Body is.
	Locals []Locals
	// LocalCount is how many locals there are besides the parameters; it can be far above what
	// memory could hold.
	LocalCount uint64
	// Code reads the instructions, the last of which is the end of the function.
	Code Reader
}

// Body reads the declarations of the next function. The instructions are left for b.Code.
func (r *Reader) Body(b *Body) {
	b.Locals, b.LocalCount = b.Locals[:0], 0
	b.Code = r.Sub(r.U32())
	for n := b.Code.Count(2); n > 0; n-- {
		l := Locals{Count: b.Code.U32(), Type: b.Code.ValType()}
		b.Locals = append(b.Locals, l)
		b.LocalCount += uint64(l.Count)
	}
	if b.Code.err != nil {
		r.fail(b.Code.err)
	}
}
