// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package meter rewrites a module so that what it computes is paid for, call by call.
//
// Every segment of straight code takes its weight (weights.go) from a counter before it runs.
// Where the counter can be outrun (function entries and loop headers) it is checked, and below
// zero the guest calls the imported refuel, where the host grants more or ends the call. A second
// counter holds what is left of the native stack: functions that can recurse take their frames
// from it and trap below zero.
//
// The rewriting is a pure function of the bytes: the same module costs the same fuel in every
// run, on every machine and engine. What the guest computes does not change. It cannot touch the
// counters: code that names an index out of the module's own range is refused here.
//
// The module must have passed package verify: this package checks only what the rewriting relies
// on. There is nothing to close, and all functions may be called concurrently.
package meter

import (
	"fmt"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// Version changes whenever Inject would write other bytes for a module than before. It belongs in
// the key of whatever is derived from them.
const Version = "1"

const (
	// ImportModule has the function () -> () that the guest calls when the fuel is below zero at a
	// check. It returns when the fuel is zero or more again, or not at all.
	ImportModule = "stowage:meter"
	// ImportRefuel is its name.
	ImportRefuel = "refuel"
	// ExportFuel is the mutable i64 global with the fuel left; 0 at first.
	ExportFuel = "stowage:meter/fuel"
	// ExportStack is the mutable i64 global with the bytes of native stack left; at first
	// InitialStack, because no host can set it before the start function runs. Below zero the
	// guest traps with unreachable.
	ExportStack = "stowage:meter/stack"
	// InitialStack is what a guest may use, in bytes. Frames are counted as what they can take at
	// the most, which for stock Go is about 16 times of what they do take: the samples need
	// 450 KiB of it, which is Go's own initialization. It is far below the 50 MB at which wazero gives up.
	InitialStack = 4 << 20
)

// Inject returns the metered module.
func Inject(module []byte) ([]byte, error) {
	m, err := parse(module)
	if err != nil {
		return nil, fmt.Errorf("metering: %w", err)
	}
	m.countStack()
	out, err := m.rewrite()
	if err != nil {
		return nil, fmt.Errorf("metering: %w", err)
	}
	return out, nil
}

// program is what has to be known of a module before a byte of it is written.
type program struct {
	bytes []byte
	types []wasm.FuncType
	// functions is the type of each function, imported ones first.
	functions []uint32
	imported  uint32
	globals   uint32
	bodies    []body
	segments  []segment
	callees   []uint32
	// refuelType is the type () -> ().
	refuelType uint32
	// added is the types that are not in the module.
	added []wasm.FuncType
	// names is the function names by index and the module's name, from the name section.
	names names
}

// parse reads everything up to the code and analyzes that.
func parse(module []byte) (*program, error) {
	p := &program{bytes: module}
	err := wasm.Sections(module, func(s *wasm.Section) error {
		switch s.ID {
		case wasm.SectionType:
			for n := s.Content.Count(3); n > 0; n-- {
				p.types = append(p.types, s.Content.FuncType())
			}
		case wasm.SectionImport:
			p.imports(&s.Content)
		case wasm.SectionFunction:
			for n := s.Content.Count(1); n > 0; n-- {
				p.functions = append(p.functions, s.Content.U32())
			}
		case wasm.SectionGlobal:
			return p.countGlobals(s)
		case wasm.SectionCode:
			return p.analyze(s)
		case wasm.SectionCustom:
			return p.custom(s)
		default:
			return nil
		}
		return s.Done()
	})
	if err == nil && len(p.bodies) != len(p.functions)-int(p.imported) {
		err = fmt.Errorf("%d functions have %d bodies", len(p.functions)-int(p.imported), len(p.bodies))
	}
	p.refuelType = p.typeIndex(wasm.FuncType{})
	return p, err
}

func (p *program) imports(r *wasm.Reader) {
	for n := r.Count(4); n > 0; n-- {
		start := r.Offset()
		i := r.Import()
		if i.Module == ImportModule {
			r.Fail(start, "the module imports from %s, which is for the host alone", ImportModule)
		}
		switch i.Kind {
		case wasm.KindFunc:
			p.functions = append(p.functions, i.Type)
			p.imported++
		case wasm.KindGlobal:
			p.globals++
		}
	}
}

func (p *program) countGlobals(s *wasm.Section) error {
	var in wasm.Instr
	for n := s.Content.Count(4); n > 0; n-- {
		s.Content.GlobalType()
		s.Content.ConstExpr(&in)
		p.globals++
	}
	return s.Done()
}

// typeIndex is the index of a type, which is added if the module does not have it.
func (p *program) typeIndex(want wasm.FuncType) uint32 {
	for i, t := range p.types {
		if same(t, want) {
			return uint32(i)
		}
	}
	for i, t := range p.added {
		if same(t, want) {
			return uint32(len(p.types) + i)
		}
	}
	p.added = append(p.added, want)
	return uint32(len(p.types) + len(p.added) - 1)
}

func same(a, b wasm.FuncType) bool {
	return string(a.Params) == string(b.Params) && string(a.Results) == string(b.Results)
}

// typeOf is the type of a function.
func (p *program) typeOf(function uint32) (t wasm.FuncType, ok bool) {
	if int(function) >= len(p.functions) || int(p.functions[function]) >= len(p.types) {
		return t, false
	}
	return p.types[p.functions[function]], true
}
