// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// Report is what a module is and needs. Its names are short and can be shown as they are.
type Report struct {
	// Size in bytes, and the digest of those bytes as sha256:<hex>.
	Size   int    `json:"size"`
	Digest string `json:"digest"`
	// ABI is the major version of the contract that the exports' names belong to.
	ABI string `json:"abi"`
	// Exports is the extension points that the module has functions for.
	Exports []string `json:"exports"`
	// Imports is the host functions that it may call, and the capability for each.
	Imports []ImportUse `json:"imports,omitempty"`
	// Capabilities that the imports need.
	Capabilities []string `json:"capabilities,omitempty"`
	Memory       *Memory  `json:"memory,omitempty"`
	Tables       []Table  `json:"tables,omitempty"`
	// Functions that the module defines.
	Functions int `json:"functions"`
	// CompileBytes and Effort estimate what compiling it takes; see Limits.
	CompileBytes int64 `json:"compileBytes"`
	Effort       int64 `json:"effort"`
	// Start says that the module has a function that runs on instantiation.
	Start bool `json:"start"`
	// Producers is what the module says that it was made with.
	Producers      []Producer `json:"producers,omitempty"`
	CustomSections []string   `json:"customSections,omitempty"`

	customBytes int
}

// ImportUse is an import of a module, as module.name.
type ImportUse struct {
	Name       string `json:"name"`
	Capability string `json:"capability,omitempty"`
}

// Memory is a memory's limits in pages of 64 KiB.
type Memory struct {
	Min uint32  `json:"min"`
	Max *uint32 `json:"max,omitempty"`
}

// Table is a table's type and its limits in entries.
type Table struct {
	Type string  `json:"type"`
	Min  uint32  `json:"min"`
	Max  *uint32 `json:"max,omitempty"`
}

// Producer is a tool or language, as the producers section has it.
type Producer struct {
	Field   string `json:"field"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

func maximum(l wasm.Limits) *uint32 {
	if !l.HasMax {
		return nil
	}
	return &l.Max
}

// fill completes the report of a module that passed.
func (c *checker) fill() {
	r := c.report
	r.ABI = fmt.Sprint(abi.Major)
	r.Functions = len(c.funcs) - c.imported
	for _, name := range sortedKeys(points) {
		if c.has(name) && !slices.Contains(required, name) {
			r.Exports = append(r.Exports, name)
		}
	}
	for _, i := range r.Imports {
		if i.Capability != "" && !slices.Contains(r.Capabilities, i.Capability) {
			r.Capabilities = append(r.Capabilities, i.Capability)
		}
	}
	slices.Sort(r.Capabilities)
}

// WriteTo writes the report as a table of 80 columns.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, r.String())
	return int64(n), err
}

// String is the report as a table of 80 columns.
func (r *Report) String() string {
	t := &table{}
	t.row("size", fmt.Sprintf("%d bytes", r.Size))
	t.row("digest", r.Digest)
	t.row("abi", r.ABI)
	t.row("points", orNone(r.Exports)...)
	t.row("imports", orNone(importRows(r.Imports))...)
	t.row("needs", orNone(r.Capabilities)...)
	if r.Memory != nil {
		t.row("memory", limits("pages of 64 KiB", r.Memory.Min, r.Memory.Max))
	}
	for _, tab := range r.Tables {
		t.row("table", limits("entries of "+tab.Type, tab.Min, tab.Max))
	}
	t.row("code", fmt.Sprintf("%d functions, to be compiled in about %v", r.Functions, time.Duration(r.Effort).Round(time.Millisecond)))
	t.row("start", map[bool]string{true: "a function runs on instantiation", false: "none"}[r.Start])
	t.row("made by", orNone(producerRows(r.Producers))...)
	t.row("custom", orNone(r.CustomSections)...)
	return t.String()
}

func importRows(imports []ImportUse) (rows []string) {
	for _, i := range imports {
		row := i.Name
		if i.Capability != "" {
			row = fmt.Sprintf("%-44s %s", i.Name, i.Capability)
		}
		rows = append(rows, row)
	}
	return rows
}

func producerRows(producers []Producer) (rows []string) {
	for _, p := range producers {
		rows = append(rows, strings.TrimSpace(fmt.Sprintf("%s: %s %s", p.Field, p.Name, p.Version)))
	}
	return rows
}

func orNone(rows []string) []string {
	if len(rows) == 0 {
		return []string{"none"}
	}
	return rows
}

func limits(unit string, least uint32, most *uint32) string {
	if most == nil {
		return fmt.Sprintf("%d %s, no maximum", least, unit)
	}
	return fmt.Sprintf("%d to %d %s", least, *most, unit)
}

// table is lines of a label and a text each.
type table struct{ strings.Builder }

// columns is the width of a table; nine are the label's, so that a digest fits.
const columns = 80

func (t *table) row(label string, lines ...string) {
	for _, line := range lines {
		if runes := []rune(line); len(runes) > columns-9 {
			line = string(runes[:columns-12]) + "..."
		}
		fmt.Fprintf(t, "%-9s%s\n", label, line)
		label = ""
	}
}
