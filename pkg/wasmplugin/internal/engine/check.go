// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

var (
	coreHeader      = []byte("\x00asm\x01\x00\x00\x00")
	componentHeader = []byte("\x00asm\x0d\x00\x01\x00")
)

// recognize refuses bytes that are something else than a core module, with what to do.
func recognize(wasm []byte) error {
	switch {
	case bytes.HasPrefix(wasm, coreHeader):
		return nil
	case bytes.HasPrefix(wasm, componentHeader):
		return fmt.Errorf("%w: this is a component; build a core module instead (Go: -buildmode=c-shared with GOOS=wasip1)", ErrModule)
	case len(wasm) == 0:
		return fmt.Errorf("%w: it is empty", ErrModule)
	}
	return fmt.Errorf("%w: it does not start with the Wasm header \\0asm; it starts with %q", ErrModule, wasm[:min(8, len(wasm))])
}

// host is the functions a guest may import from us, by name.
var host = map[string]bool{abi.ImportLog: true}

func checkImports(imports []api.FunctionDefinition) error {
	var unknown []string
	for _, f := range imports {
		module, name, _ := f.Import()
		if module == wasi_snapshot_preview1.ModuleName || module == abi.ImportModule && host[name] {
			continue
		}
		unknown = append(unknown, module+"."+name)
	}
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("%w: it imports %s, which this host does not provide; it provides %s.%s and WASI preview 1",
		ErrModule, strings.Join(unknown, ", "), abi.ImportModule, abi.ImportLog)
}

// parameters is how many i32 each export of the ABI takes; all return one i32.
var parameters = map[string]int{
	abi.ExportDescribe:       0,
	abi.ExportBuffer:         2,
	abi.ExportConfigure:      0,
	abi.ExportPreFilter:      0,
	abi.ExportFilter:         0,
	abi.ExportPreScore:       0,
	abi.ExportScore:          0,
	abi.ExportNormalizeScore: 0,
}

// required is the exports that every guest has.
var required = []string{abi.ExportDescribe, abi.ExportBuffer, abi.ExportConfigure}

// checkExports returns the ABI's exports that the module has, all with the right signature.
func checkExports(m wazero.CompiledModule) (map[string]bool, error) {
	if m.ExportedMemories()[abi.ExportMemory] == nil {
		return nil, fmt.Errorf("%w: it does not export its memory as %q", ErrModule, abi.ExportMemory)
	}
	have := map[string]bool{}
	functions := m.ExportedFunctions()
	for name, params := range parameters {
		f, ok := functions[name]
		if !ok {
			continue
		}
		if !hasSignature(f, params) {
			return nil, fmt.Errorf("%w: export %q is %s, want %s", ErrModule, name,
				signature(f.ParamTypes(), f.ResultTypes()), signature(i32s(params), i32s(1)))
		}
		have[name] = true
	}
	for _, name := range required {
		if !have[name] {
			return nil, fmt.Errorf("%w: it does not export %q; build it with a Stowage SDK (see docs/abi.md)", ErrModule, name)
		}
	}
	return have, nil
}

func hasSignature(f api.FunctionDefinition, params int) bool {
	return slices.Equal(f.ParamTypes(), i32s(params)) && slices.Equal(f.ResultTypes(), i32s(1))
}

func i32s(n int) []api.ValueType { return slices.Repeat([]api.ValueType{api.ValueTypeI32}, n) }

func signature(params, results []api.ValueType) string {
	names := func(types []api.ValueType) string {
		var out []string
		for _, t := range types {
			out = append(out, api.ValueTypeName(t))
		}
		return "(" + strings.Join(out, ", ") + ")"
	}
	return names(params) + " -> " + names(results)
}
