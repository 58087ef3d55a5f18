// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// Each of these reads the content of one section. What is wrong is the reader's error; they stop
// at it, and what they gathered is not used after one.

func (c *checker) readTypes(r *wasm.Reader) {
	n := count(r, "types", 3, c.limits.Types)
	c.types = make([]wasm.FuncType, 0, n)
	for range n {
		start := r.Offset()
		t := r.FuncType()
		if err := atMost("parameters", len(t.Params), c.limits.Params); err != nil {
			r.Fail(start, "type %d has %v", len(c.types), err)
		}
		if err := atMost("results", len(t.Results), c.limits.Results); err != nil {
			r.Fail(start, "type %d has %v", len(c.types), err)
		}
		if r.Err() != nil {
			return
		}
		c.types = append(c.types, t)
		c.report.Effort += effortOfType(t)
	}
}

func (c *checker) readImports(r *wasm.Reader) {
	n := count(r, "imports", 4, c.limits.Imports)
	c.imports = make([]wasm.Import, 0, n)
	for range n {
		start := r.Offset()
		i := r.Import()
		c.checkName(r, start, i.Module)
		c.checkName(r, start, i.Name)
		switch {
		case r.Err() != nil:
			return
		case i.Kind != wasm.KindFunc:
			r.Fail(start, "it imports the %s %s: define it in the module", i.Kind, importName(i.Module, i.Name))
			return
		case !within(r, start, "type", i.Type, len(c.types)):
			return
		}
		c.imports, c.funcs = append(c.imports, i), append(c.funcs, i.Type)
	}
	c.imported = n
}

func (c *checker) readFunctions(r *wasm.Reader) {
	n := count(r, "functions", 1, c.limits.Functions)
	for range n {
		start := r.Offset()
		t := r.U32()
		if !within(r, start, "type", t, len(c.types)) {
			return
		}
		c.funcs = append(c.funcs, t)
	}
}

func (c *checker) readTables(r *wasm.Reader) {
	entries := 0
	for range count(r, "tables", 3, c.limits.Tables) {
		start := r.Offset()
		t := r.Table()
		entries += int(t.Min)
		if err := atMost("table entries", entries, c.limits.TableEntries); err != nil {
			r.Fail(start, "%v", err)
		}
		if r.Err() != nil {
			return
		}
		c.tables = append(c.tables, t)
		c.report.Tables = append(c.report.Tables, Table{Type: t.Elem.String(), Min: t.Min, Max: maximum(t.Limits)})
	}
}

func (c *checker) readMemories(r *wasm.Reader) {
	for range count(r, "memories (multiple memories are not supported)", 2, 1) {
		start := r.Offset()
		m := r.Limits()
		switch {
		case m.Min > c.limits.MemoryPages:
			r.Fail(start, "memory of %d pages at the start, the limit is %d pages of 64 KiB: build with a smaller initial memory, or raise limits.memory",
				m.Min, c.limits.MemoryPages)
		case m.Min > maxPages || m.HasMax && m.Max > maxPages:
			r.Fail(start, "memory of more than %d pages, which is all that 32 bits address", maxPages)
		}
		c.memory = true
		c.report.Memory = &Memory{Min: m.Min, Max: maximum(m)}
	}
}

// maxPages is the memory that 32 bits address.
const maxPages = 1 << 16

func (c *checker) readGlobals(r *wasm.Reader) {
	n := count(r, "globals", 4, c.limits.Globals)
	for range n {
		g := r.GlobalType()
		c.constExpr(r)
		if r.Err() != nil {
			return
		}
		c.globals = append(c.globals, g)
	}
}

// constExpr reads a constant expression.
func (c *checker) constExpr(r *wasm.Reader) {
	var in wasm.Instr
	r.ConstExpr(&in)
	if r.Err() == nil {
		c.checkConst(r, &in)
	}
}

func (c *checker) checkConst(r *wasm.Reader, in *wasm.Instr) {
	switch in.Op {
	case wasm.OpGlobalGet:
		r.Fail(in.Start, "constant expression of global %d: only imported globals could be read there, and no globals can be imported", in.Index)
	case wasm.OpRefFunc:
		within(r, in.Start, "function", in.Index, len(c.funcs))
	}
}

func (c *checker) readExports(r *wasm.Reader) {
	for range count(r, "exports", 3, c.limits.Exports) {
		start := r.Offset()
		e := r.Export()
		c.checkName(r, start, e.Name)
		if r.Err() != nil || !within(r, start, e.Kind.String(), e.Index, c.sizes(e.Kind)) {
			return
		}
		if _, twice := c.exports[e.Name]; twice {
			r.Fail(start, "%s is exported twice", plain(e.Name))
			return
		}
		c.exports[e.Name] = e
	}
}

func (c *checker) checkName(r *wasm.Reader, offset int, name string) {
	if err := atMost("bytes", len(name), c.limits.NameBytes); err != nil {
		r.Fail(offset, "name of %v", err)
	}
}

// sizes is how many things of a kind there are.
func (c *checker) sizes(k wasm.Kind) int {
	switch k {
	case wasm.KindFunc:
		return len(c.funcs)
	case wasm.KindTable:
		return len(c.tables)
	case wasm.KindGlobal:
		return len(c.globals)
	}
	if c.memory {
		return 1
	}
	return 0
}

func (c *checker) readStart(r *wasm.Reader) {
	start := r.Offset()
	f := r.U32()
	if r.Err() != nil || !within(r, start, "function", f, len(c.funcs)) {
		return
	}
	if t := c.funcType(f); len(t.Params)+len(t.Results) > 0 {
		r.Fail(start, "start function %d is %s, want () -> ()", f, signature(t))
	}
	c.report.Start = true
}
