// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// counters are the exports of a module that counts what it executes, instruction by instruction
// and with no idea of what belongs together: weights, and places where control can take two ways.
const exportWeight, exportWays = "count:weight", "count:ways"

// counting makes such a module, which must have globals and exports.
func counting(tb testing.TB, module []byte) []byte {
	tb.Helper()
	p, err := parse(module)
	if err != nil {
		tb.Fatal(err)
	}
	out := []byte(wasm.Header)
	err = wasm.Sections(module, func(s *wasm.Section) error {
		n := s.Content.U32()
		content := binary.AppendUvarint(nil, uint64(n)+2)
		switch s.ID {
		case wasm.SectionGlobal:
			content = append(content, module[s.Content.Offset():s.End]...)
			content = append(content, appendGlobal(appendGlobal(nil, 0), 0)...)
		case wasm.SectionExport:
			content = append(content, module[s.Content.Offset():s.End]...)
			content = append(appendSized(content, exportWeight), 3, byte(p.globals))
			content = append(appendSized(content, exportWays), 3, byte(p.globals+1))
		case wasm.SectionCode:
			content = binary.AppendUvarint(nil, uint64(n))
			for i := range p.bodies {
				content = appendSized(content, countingBody(p, &p.bodies[i]))
			}
		default:
			out = append(out, module[s.Start:s.End]...)
			return nil
		}
		out = appendSection(out, s.ID, content)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func countingBody(p *program, b *body) code {
	r := wasm.Range(p.bytes, b.declarations, b.end)
	r.U32()
	c := code(binary.AppendUvarint(nil, uint64(r.U32())+1))
	c = append(c, p.bytes[r.Offset():b.code]...)
	c = append(c, 2, byte(wasm.I32))
	tmp := uint32(b.params) + uint32(b.locals)
	count := func(n, ways uint64) {
		for i, by := range []uint64{n, ways} {
			c.index(wasm.OpGlobalGet, p.globals+uint32(i))
			c.i64(int64(by))
			c.op(wasm.OpI64Add)
			c.index(wasm.OpGlobalSet, p.globals+uint32(i))
		}
	}
	// units counts n >> right << left units for what is in a local.
	units := func(local uint32, right, left int64) {
		c.index(wasm.OpGlobalGet, p.globals)
		c.index(wasm.OpLocalGet, local)
		c.op(wasm.OpI64ExtendU)
		c.i64(right)
		c.op(wasm.OpI64ShrU)
		c.i64(left)
		c.op(wasm.OpI64Shl, wasm.OpI64Add)
		c.index(wasm.OpGlobalSet, p.globals)
	}
	count((b.locals+localsPerUnit-1)/localsPerUnit, 1)
	var in wasm.Instr
	for r = wasm.Range(p.bytes, b.code, b.end); r.Len() > 0; {
		r.Instr(&in)
		w := weight(in.Op)
		switch in.Op {
		case wasm.OpCall:
			if in.Index < p.imported {
				w = weightHost
			}
			count(w, 0)
		case wasm.OpLoop:
		case wasm.OpIf, wasm.OpElse, wasm.OpEnd, wasm.OpBr, wasm.OpBrIf, wasm.OpBrTable:
			count(w, 1)
		case wasm.OpMemoryCopy, wasm.OpMemoryFill, wasm.OpMemoryInit:
			count(w, 0)
			c.index(wasm.OpLocalTee, tmp)
			units(tmp, bytesPerUnit, 0)
		case wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableFill:
			count(w, 0)
			c.index(wasm.OpLocalTee, tmp)
			units(tmp, 0, 0)
		case wasm.OpMemoryGrow:
			count(w, 0)
			c.index(wasm.OpLocalTee, tmp)
		default:
			count(w, 0)
		}
		c = append(c, p.bytes[in.Start:in.End]...)
		switch in.Op {
		case wasm.OpLoop:
			count(w, 1)
		case wasm.OpMemoryGrow:
			c.index(wasm.OpLocalTee, tmp+1)
			c.i32(-1)
			c.op(wasm.OpI32Ne)
			c.begin(wasm.OpIf, noValues)
			units(tmp, 0, unitsPerPage)
			c.op(wasm.OpEnd)
			c.index(wasm.OpLocalGet, tmp+1)
		}
	}
	return c
}

// TestFuelFollowsExecution compares the fuel of each call with the weights of the instructions
// that it executes: never less, and more only by what segments may absorb.
func TestFuelFollowsExecution(t *testing.T) {
	for seed := range uint64(programs) {
		p := wasmtest.Generate(seed)
		metered := instantiate(t, wazero.NewRuntimeConfigCompiler(), inject(t, p.Module), plenty)
		counted := instantiate(t, wazero.NewRuntimeConfigCompiler(), counting(t, p.Module), 0)
		for f, params := range p.Params {
			name, before := fmt.Sprint("f", f), metered.used()
			weightBefore, waysBefore := counted.ExportedGlobal(exportWeight).Get(), counted.ExportedGlobal(exportWays).Get()
			_, err := metered.call(name, arguments(params, 1)...)
			_, _ = counted.call(name, arguments(params, 1)...)
			used := metered.used() - before
			weight := int64(counted.ExportedGlobal(exportWeight).Get() - weightBefore)
			ways := int64(counted.ExportedGlobal(exportWays).Get() - waysBefore)
			if used < weight {
				t.Errorf("program %d: %s used %d units and executed %d", seed, name, used, weight)
			}
			// What traps has paid for the rest of its segments.
			if err == nil && used > weight+absorbMax*ways {
				t.Errorf("program %d: %s used %d units and executed only %d, on %d ways", seed, name, used, weight, ways)
			}
		}
	}
}
