// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

const (
	wasiModule = "wasi_snapshot_preview1"
	// reserved starts the names of what metering adds to a module.
	reserved = "stowage:meter"
	// command is what a program exports that runs and ends, instead of answering calls.
	command = "_start"
	// maxListed is how many names a message lists.
	maxListed = 10
)

// contract compares imports and exports with what host and ABI have, and says all that is wrong.
func (c *checker) contract() error {
	problems := append(c.checkImports(), c.checkExports()...)
	if len(problems) == 0 {
		return nil
	}
	return errors.New("it " + strings.Join(problems, "; it "))
}

func (c *checker) checkImports() (problems []string) {
	offered := map[[2]string]*Import{}
	for i := range c.opts.Imports {
		f := &c.opts.Imports[i]
		offered[[2]string{f.Module, f.Name}] = f
	}
	var unknown []string
	for _, i := range c.imports {
		f := offered[[2]string{i.Module, i.Name}]
		switch {
		case strings.HasPrefix(i.Module, reserved):
			problems = append(problems, fmt.Sprintf("imports %s, a name that is kept for metering", importName(i.Module, i.Name)))
		case f == nil:
			unknown = append(unknown, importName(i.Module, i.Name))
		default:
			problems = append(problems, c.checkImport(&i, f)...)
		}
	}
	if len(unknown) > 0 {
		problems = append(problems, fmt.Sprintf("imports %s, which this host does not provide; it provides %s", list(unknown), c.provided()))
	}
	return listed(problems)
}

func (c *checker) checkImport(i *wasm.Import, f *Import) (problems []string) {
	name := importName(i.Module, i.Name)
	if got, want := signature(c.types[i.Type]), signature(f.funcType()); got != want {
		return []string{fmt.Sprintf("imports %s as %s, want %s", name, got, want)}
	}
	if !c.seen[name] {
		c.seen[name] = true
		c.report.Imports = append(c.report.Imports, ImportUse{Name: name, Capability: f.Capability})
		if f.Capability != "" && !c.opts.Inspect && !slices.Contains(c.opts.Granted, f.Capability) {
			return []string{fmt.Sprintf("imports %s, which needs capability %q: add it to capabilities in the policy's args, or build the policy without it", name, f.Capability)}
		}
	}
	return nil
}

// provided is what a module could import, with WASI as one.
func (c *checker) provided() string {
	var names []string
	wasi := false
	for _, f := range c.opts.Imports {
		if f.Module == wasiModule {
			wasi = true
			continue
		}
		names = append(names, importName(f.Module, f.Name))
	}
	if wasi {
		names = append(names, "WASI preview 1")
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// points is what the ABI knows of functions: how many i32 each takes. All return one.
var points = map[string]int{
	abi.ExportDescribe:       0,
	abi.ExportBuffer:         2,
	abi.ExportConfigure:      0,
	abi.ExportPreFilter:      0,
	abi.ExportFilter:         0,
	abi.ExportPreScore:       0,
	abi.ExportScore:          0,
	abi.ExportNormalizeScore: 0,

	abi.ExportObjects: 0, abi.ExportIdle: 0, abi.ExportAddPod: 0, abi.ExportRemovePod: 0,
	abi.ExportPreEnqueue: 0, abi.ExportQueueSort: 0, abi.ExportSign: 0, abi.ExportQueueingHint: 0,
	abi.ExportPostFilter: 0, abi.ExportRankVictims: 0, abi.ExportReserve: 0, abi.ExportUnreserve: 0,
	abi.ExportPermit: 0, abi.ExportPreBindPreFlight: 0, abi.ExportPreBind: 0, abi.ExportBind: 0, abi.ExportPostBind: 0,
	abi.ExportGeneratePlacements: 0, abi.ExportScorePlacement: 0, abi.ExportPodGroupPostFilter: 0,
}

// required is the exports that every policy has.
var required = []string{abi.ExportDescribe, abi.ExportBuffer, abi.ExportConfigure}

func (c *checker) checkExports() (problems []string) {
	for _, name := range sortedKeys(c.exports) {
		if strings.HasPrefix(name, reserved) {
			problems = append(problems, fmt.Sprintf("exports %s, a name that is kept for metering", plain(name)))
		}
	}
	if c.command() {
		return append(problems, "is built as a command, which runs and ends; build a reactor, which answers calls (Go: -buildmode=c-shared, C: -mexec-model=reactor)")
	}
	if m, ok := c.exports[abi.ExportMemory]; !ok || m.Kind != wasm.KindMemory {
		problems = append(problems, fmt.Sprintf("does not export its memory as %q", abi.ExportMemory))
	}
	problems = append(problems, c.checkFunction(abi.ExportInitialize, wasm.FuncType{})...)
	for _, name := range sortedKeys(points) {
		problems = append(problems, c.checkFunction(name, wasm.FuncType{Params: i32s(points[name]), Results: i32s(1)})...)
	}
	if missing := slices.DeleteFunc(slices.Clone(required), c.has); len(missing) > 0 {
		problems = append(problems, fmt.Sprintf("does not export %s; build it with a Stowage SDK (see docs/abi.md)", list(quoted(missing))))
	}
	return listed(problems)
}

func (c *checker) command() bool { return c.has(command) && !c.has(abi.ExportInitialize) }

func (c *checker) has(export string) bool {
	_, ok := c.exports[export]
	return ok
}

func (c *checker) checkFunction(name string, want wasm.FuncType) []string {
	e, ok := c.exports[name]
	if !ok {
		return nil
	}
	if e.Kind != wasm.KindFunc {
		return []string{fmt.Sprintf("exports the %s %q, want a function", e.Kind, name)}
	}
	if int(e.Index) < c.imported {
		return []string{fmt.Sprintf("exports %q, which is a function that it imports, want one of its own", name)}
	}
	if got, want := signature(c.funcType(e.Index)), signature(want); got != want {
		return []string{fmt.Sprintf("exports %q as %s, want %s", name, got, want)}
	}
	return nil
}
