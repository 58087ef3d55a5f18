// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package verify decides whether bytes are a module that may be compiled and run, before a
// compiler sees them: wazero believes what a module declares and asks for hundreds of gigabytes
// on behalf of fifteen bytes. What passes is well-formed and within limits, refers to nothing
// that is not there, uses no feature that wazero has not enabled, imports only what the policy
// was granted, follows the ABI, and costs a compiler no more than modules of its size do. The
// types of operands are not checked here: wazero does that, at a cost that is bounded by then.
//
// Memory grows with the bytes that are present, never with a count that they declare. Time is
// linear in them. No recursion follows the input.
//
// The package keeps nothing and opens nothing; Check may be called concurrently.
package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// ErrModule marks bytes that are not a module this host can run.
var ErrModule = errors.New("not a usable module")

// Options of Check.
type Options struct {
	// Limits on the module. Defaults to DefaultLimits().
	Limits Limits
	// Imports is all that a module may import.
	Imports []Import
	// Granted is the capabilities that the policy has.
	Granted []string
	// Inspect accepts imports whose capabilities are not granted: somebody wants to know what a
	// module needs and does not run it.
	Inspect bool
}

// Import is a function that modules may import.
type Import struct {
	Module, Name    string
	Params, Results []wasm.ValType
	// Capability that a policy needs to import it; empty: none.
	Capability string
}

// Check reads a module and reports what it is. The error wraps ErrModule and says where the
// module is wrong, or everything that is wrong with its imports and exports.
func Check(module []byte, opts Options) (*Report, error) {
	if opts.Limits == (Limits{}) {
		opts.Limits = DefaultLimits()
	}
	c := newChecker(module, opts)
	if err := c.check(module); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModule, err)
	}
	c.fill()
	return c.report, nil
}

func (c *checker) check(module []byte) error {
	if err := c.structure(module); err != nil {
		return err
	}
	return c.contract()
}

// structure checks all but what imports and exports are for.
func (c *checker) structure(module []byte) error {
	if err := recognize(module); err != nil {
		return err
	}
	if err := atMost("bytes", len(module), c.limits.ModuleBytes); err != nil {
		return err
	}
	if err := wasm.Sections(module, c.section); err != nil {
		return hinted(err)
	}
	return c.consistent()
}

// CheckMetered tells whether the compiler can cope with what package meter made of a module that
// passed Check: metering adds code, so what was within the limits on compiling need not be any
// more. The error wraps ErrModule.
func CheckMetered(module []byte, limits Limits) error {
	if limits == (Limits{}) {
		limits = DefaultLimits()
	}
	// Of what is counted, and has been checked, there is more now; only the estimates matter.
	for _, n := range []*int{
		&limits.ModuleBytes, &limits.Types, &limits.Imports, &limits.Globals, &limits.Exports, &limits.CustomBytes,
		&limits.BodyBytes, &limits.Locals, &limits.TotalLocals, &limits.Nesting, &limits.StackValues,
	} {
		*n = *n*8 + 100
	}
	if err := newChecker(module, Options{Limits: limits}).structure(module); err != nil {
		return fmt.Errorf("%w: with metering, %w", ErrModule, err)
	}
	return nil
}

// checker is one Check. What the sections declare gathers in it.
type checker struct {
	opts   Options
	limits *Limits
	report *Report

	types []wasm.FuncType
	// funcs is the type of each function, imported ones first.
	funcs    []uint32
	imported int
	imports  []wasm.Import
	tables   []wasm.Table
	memory   bool
	globals  []wasm.GlobalType
	exports  map[string]wasm.Export
	elems    int
	// dataCount is what the data count section says; -1 if there is none.
	dataCount  int
	datas      int
	bodies     int
	localNames int
	// seen is the imports and the custom sections that came already.
	seen map[string]bool
	code code
	// err is the first thing that is wrong in a part of a section with a size of its own.
	err error
}

func newChecker(module []byte, opts Options) *checker {
	c := &checker{
		opts: opts, limits: &opts.Limits, dataCount: -1,
		report:  &Report{Size: len(module), Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(module))},
		exports: map[string]wasm.Export{}, seen: map[string]bool{},
	}
	c.code.checker = c
	return c
}

func (c *checker) section(s *wasm.Section) error {
	c.read(s)
	if c.err == nil {
		c.err = s.Done()
	}
	if c.err != nil {
		return fmt.Errorf("%s section: %w", s.ID, c.err)
	}
	return nil
}

func (c *checker) read(s *wasm.Section) {
	r := &s.Content
	switch s.ID {
	case wasm.SectionCustom:
		c.readCustom(s)
	case wasm.SectionType:
		c.readTypes(r)
	case wasm.SectionImport:
		c.readImports(r)
	case wasm.SectionFunction:
		c.readFunctions(r)
	case wasm.SectionTable:
		c.readTables(r)
	case wasm.SectionMemory:
		c.readMemories(r)
	case wasm.SectionGlobal:
		c.readGlobals(r)
	case wasm.SectionExport:
		c.readExports(r)
	case wasm.SectionStart:
		c.readStart(r)
	case wasm.SectionElement:
		c.readElements(r)
	case wasm.SectionDataCount:
		c.readDataCount(r)
	case wasm.SectionCode:
		c.readBodies(r)
	case wasm.SectionData:
		c.readData(r)
	}
}

// adopt makes the error of a reader of a part of a section the section's, or that it left bytes
// unread, and says whether all is well.
func (c *checker) adopt(part *wasm.Reader, what string) bool {
	if part.Err() == nil && part.Len() > 0 {
		part.Fail(part.Offset(), "it ends %d bytes before its declared size", part.Len())
	}
	if part.Err() != nil {
		c.err = fmt.Errorf("%s: %w", what, part.Err())
	}
	return c.err == nil
}

// consistent compares what is declared in one section and defined in another.
func (c *checker) consistent() error {
	switch {
	case c.bodies != len(c.funcs)-c.imported:
		return fmt.Errorf("%d functions are declared and %d defined", len(c.funcs)-c.imported, c.bodies)
	case c.dataCount >= 0 && c.datas != c.dataCount:
		return fmt.Errorf("%d data segments are declared and %d defined", c.dataCount, c.datas)
	}
	// wazero looks for each function's name among all names of locals, and among all exports.
	c.report.Effort += int64(len(c.funcs)) * int64(c.localNames+len(c.exports))
	return effortWithin(c.report.Effort, c.limits.Effort)
}

// count reads how many entries of a kind follow.
func count(r *wasm.Reader, what string, minBytes, limit int) int {
	start := r.Offset()
	n := r.Count(minBytes)
	if err := atMost(what, n, limit); err != nil {
		r.Fail(start, "%v", err)
		return 0
	}
	return n
}

func atMost(what string, n, limit int) error {
	if n > limit {
		return fmt.Errorf("%d %s, the limit is %d", n, what, limit)
	}
	return nil
}

// within makes the reader fail if index, read at an offset, is not below n.
func within(r *wasm.Reader, offset int, what string, index uint32, n int) bool {
	if uint64(index) < uint64(n) {
		return true
	}
	r.Fail(offset, "there is no %s %d; there are %d", what, index, n)
	return false
}

// funcType is the type of a function whose index is right.
func (c *checker) funcType(index uint32) wasm.FuncType { return c.types[c.funcs[index]] }

// exportOf is the first name, in order, that a function is exported by.
func (c *checker) exportOf(index uint32) string {
	var names []string
	for name, e := range c.exports {
		if e.Kind == wasm.KindFunc && e.Index == index {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}
