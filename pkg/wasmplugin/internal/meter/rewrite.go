// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// extended is the sections that get entries, in the order that sections have. Those that the
// module does not have are made where they belong.
var extended = []wasm.SectionID{wasm.SectionType, wasm.SectionImport, wasm.SectionGlobal, wasm.SectionExport}

// rewrite writes the metered module.
func (p *program) rewrite() ([]byte, error) {
	p.addTypes()
	out := append(make([]byte, 0, len(p.bytes)+len(p.bytes)/4), wasm.Header...)
	missing := extended
	err := wasm.Sections(p.bytes, func(s *wasm.Section) (err error) {
		for len(missing) > 0 && s.ID != wasm.SectionCustom && missing[0] <= s.ID {
			if missing[0] < s.ID {
				out = p.appendExtended(out, missing[0], 0, nil)
			}
			missing = missing[1:]
		}
		out, err = p.appendRewritten(out, s)
		return err
	})
	for _, id := range missing {
		out = p.appendExtended(out, id, 0, nil)
	}
	return p.appendNames(out), err
}

// addTypes adds the types of the blocks that bodies are going to be wrapped in.
func (p *program) addTypes() {
	for i := range p.bodies {
		if t := p.types[p.functions[int(p.imported)+i]]; p.bodies[i].counted && len(t.Results) > 1 {
			p.typeIndex(wasm.FuncType{Results: t.Results})
		}
	}
}

// additions is the entries that a section gets.
func (p *program) additions(id wasm.SectionID) (n uint32, entries []byte) {
	switch id {
	case wasm.SectionType:
		for _, t := range p.added {
			entries = appendSized(appendSized(append(entries, 0x60), t.Params), t.Results)
		}
		return uint32(len(p.added)), entries
	case wasm.SectionImport:
		entries = append(appendSized(appendSized(nil, ImportModule), ImportRefuel), byte(wasm.KindFunc))
		return 1, binary.AppendUvarint(entries, uint64(p.refuelType))
	case wasm.SectionGlobal:
		return 2, append(appendGlobal(nil, 0), appendGlobal(nil, InitialStack)...)
	case wasm.SectionExport:
		fuel := append(appendSized(nil, ExportFuel), byte(wasm.KindGlobal))
		stack := append(appendSized(nil, ExportStack), byte(wasm.KindGlobal))
		return 2, append(binary.AppendUvarint(fuel, uint64(p.fuel())), binary.AppendUvarint(stack, uint64(p.stack()))...)
	}
	return 0, nil
}

// appendGlobal appends a mutable i64.
func appendGlobal(out []byte, value int64) []byte {
	c := code(append(out, byte(wasm.I64), 1))
	c.i64(value)
	c.op(wasm.OpEnd)
	return c
}

// fuel and stack are the indices of the counters.
func (p *program) fuel() uint32 { return p.globals }

func (p *program) stack() uint32 { return p.globals + 1 }

// appendExtended appends a section of n entries and those that it gets.
func (p *program) appendExtended(out []byte, id wasm.SectionID, n uint32, entries []byte) []byte {
	more, added := p.additions(id)
	if n+more == 0 {
		return out
	}
	content := binary.AppendUvarint(make([]byte, 0, len(entries)+len(added)+5), uint64(n)+uint64(more))
	return appendSection(out, id, append(append(content, entries...), added...))
}

// appendRewritten appends what becomes of a section.
func (p *program) appendRewritten(out []byte, s *wasm.Section) ([]byte, error) {
	if s.ID == wasm.SectionCustom {
		// The offsets in debug sections would be wrong now; names come last.
		if s.Name == "name" || strings.HasPrefix(s.Name, ".debug_") {
			return out, nil
		}
		return append(out, p.bytes[s.Start:s.End]...), nil
	}
	rewrite := map[wasm.SectionID]func(*wasm.Reader, *patch){
		wasm.SectionGlobal:  p.rewriteGlobal,
		wasm.SectionExport:  p.rewriteExport,
		wasm.SectionElement: p.rewriteElement,
		wasm.SectionData:    p.checkData,
		wasm.SectionCode:    nil,
		wasm.SectionType:    nil,
		wasm.SectionImport:  nil,
	}
	each, vector := rewrite[s.ID]
	switch {
	case s.ID == wasm.SectionStart:
		f := p.function(&s.Content, s.Content.U32())
		return appendSection(out, s.ID, binary.AppendUvarint(nil, uint64(f))), s.Done()
	case !vector:
		return append(out, p.bytes[s.Start:s.End]...), nil
	}
	n := s.Content.Count(1)
	entries := patch{from: p.bytes, copied: s.Content.Offset()}
	switch {
	case s.ID == wasm.SectionCode:
		entries.out = make([]byte, 0, s.Content.Len()+s.Content.Len()/4)
		for i := range p.bodies {
			if err := p.appendBody(&entries, i); err != nil {
				return nil, fmt.Errorf("function %d: %w", int(p.imported)+i, err)
			}
		}
		entries.copied = s.End
	case each != nil:
		for range n {
			each(&s.Content, &entries)
		}
		if err := s.Done(); err != nil {
			return nil, err
		}
	}
	entries.flush(s.End)
	return p.appendExtended(out, s.ID, uint32(n), entries.out), nil
}

// patch is bytes that are copied with changes in some places.
type patch struct {
	from []byte
	// copied is how far from has been copied to out or left out.
	copied int
	out    []byte
}

// flush copies up to an offset.
func (c *patch) flush(to int) {
	c.out = append(c.out, c.from[c.copied:to]...)
	c.copied = to
}

// number replaces the number that ends at an offset, and which flush has been called up to.
func (c *patch) number(n uint32, end int) {
	c.out = binary.AppendUvarint(c.out, uint64(n))
	c.copied = end
}

// shifted is the index that a function has now that refuel comes after the imported ones.
func (p *program) shifted(function uint32) uint32 {
	if function >= p.imported {
		return function + 1
	}
	return function
}

// function is the new index of a function, which has to exist.
func (p *program) function(r *wasm.Reader, index uint32) uint32 {
	if int(index) >= len(p.functions) {
		r.Fail(r.Offset(), "there is no function %d", index)
	}
	return p.shifted(index)
}

// constant rewrites a constant expression that has just been read.
func (p *program) constant(r *wasm.Reader, in *wasm.Instr, c *patch) {
	switch in.Op {
	case wasm.OpRefFunc:
		c.flush(in.Start + 1)
		c.number(p.function(r, in.Index), in.End)
	case wasm.OpGlobalGet:
		if in.Index >= p.globals {
			r.Fail(in.Start, "there is no global %d", in.Index)
		}
	}
}

func (p *program) rewriteGlobal(r *wasm.Reader, c *patch) {
	var in wasm.Instr
	r.GlobalType()
	r.ConstExpr(&in)
	p.constant(r, &in, c)
}

func (p *program) rewriteExport(r *wasm.Reader, c *patch) {
	start := r.Offset()
	e := r.Export()
	switch {
	case strings.HasPrefix(e.Name, ImportModule):
		r.Fail(start, "the module exports %q; names that start with %s are for the host alone", e.Name, ImportModule)
	case e.Kind == wasm.KindFunc && r.Err() == nil:
		c.flush(start)
		c.out = append(appendSized(c.out, e.Name), byte(e.Kind))
		c.number(p.function(r, e.Index), r.Offset())
	case e.Kind == wasm.KindGlobal && e.Index >= p.globals:
		r.Fail(start, "there is no global %d", e.Index)
	}
}

func (p *program) rewriteElement(r *wasm.Reader, c *patch) {
	var e wasm.Elem
	var in wasm.Instr
	r.Elem(&e)
	if e.Mode == wasm.Active {
		p.constant(r, &e.Offset, c)
	}
	for range e.Count {
		r.ElemItem(&e, &in)
		if e.Exprs {
			p.constant(r, &in, c)
			continue
		}
		c.flush(in.Start)
		c.number(p.function(r, in.Index), in.End)
	}
}

func (p *program) checkData(r *wasm.Reader, c *patch) {
	var d wasm.Data
	r.Data(&d)
	if d.Mode == wasm.Active {
		p.constant(r, &d.Offset, c)
	}
}
