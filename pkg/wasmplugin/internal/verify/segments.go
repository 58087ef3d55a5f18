// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"

func (c *checker) readElements(r *wasm.Reader) {
	n := count(r, "element segments", 3, c.limits.Elements)
	items := 0
	var e wasm.Elem
	for range n {
		start := r.Offset()
		r.Elem(&e)
		items += e.Count
		if err := atMost("items of element segments", items, c.limits.ElementItems); err != nil {
			r.Fail(start, "%v", err)
		}
		if r.Err() != nil || e.Mode == wasm.Active && !c.activeElem(r, start, &e) || !c.readItems(r, &e) {
			return
		}
	}
	c.elems = n
}

func (c *checker) activeElem(r *wasm.Reader, start int, e *wasm.Elem) bool {
	c.checkConst(r, &e.Offset)
	return within(r, start, "table", e.Index, len(c.tables)) && r.Err() == nil
}

func (c *checker) readItems(r *wasm.Reader, e *wasm.Elem) bool {
	var in wasm.Instr
	for range e.Count {
		r.ElemItem(e, &in)
		if r.Err() == nil {
			c.checkConst(r, &in)
		}
		if r.Err() != nil {
			return false
		}
	}
	return true
}

func (c *checker) readDataCount(r *wasm.Reader) {
	start := r.Offset()
	n := r.U32()
	if uint64(n) > uint64(c.limits.DataSegments) {
		r.Fail(start, "%d data segments, the limit is %d", n, c.limits.DataSegments)
		return
	}
	c.dataCount = int(n)
}

func (c *checker) readData(r *wasm.Reader) {
	n := count(r, "data segments", 2, c.limits.DataSegments)
	var d wasm.Data
	for range n {
		start := r.Offset()
		r.Data(&d)
		if r.Err() == nil && d.Mode == wasm.Active {
			c.checkConst(r, &d.Offset)
			c.needMemory(r, start, "data")
		}
		if r.Err() != nil {
			return
		}
	}
	c.datas = n
}

func (c *checker) needMemory(r *wasm.Reader, offset int, what string) {
	if !c.memory {
		r.Fail(offset, "%s without a memory", what)
	}
}
