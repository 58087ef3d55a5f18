// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// BenchmarkTightLoop is `for i < n { i++ }`: as little work per check as there can be.
func BenchmarkTightLoop(b *testing.B) {
	const turns = 100_000
	code := slices.Concat([]byte{0x03, 0x40}, wasmtest.Param(1), wasmtest.Const(1), wasmtest.Add(), []byte{0x22, 1},
		wasmtest.Param(0), []byte{0x48, 0x0d, 0, 0x0b}, wasmtest.Param(1))
	module := wasmtest.Module{Funcs: []wasmtest.Func{{Name: "f", Params: []byte{wasmtest.I32, wasmtest.I32}, Results: []byte{wasmtest.I32}, Body: code}}}.Bytes()
	variants(b, module, "f", turns, 0)
}

// BenchmarkGoLoops is a stock-Go guest that sorts, hashes and searches.
func BenchmarkGoLoops(b *testing.B) {
	variants(b, wasmtest.Build(b, goLoops), "work", 100)
}

// variants measures a function of a module as it is, metered, and with wazero's own way to
// interrupt a guest.
func variants(b *testing.B, module []byte, function string, arguments ...uint64) {
	metered, err := Inject(module)
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range []struct {
		name   string
		module []byte
		config wazero.RuntimeConfig
	}{
		{"plain", module, wazero.NewRuntimeConfigCompiler()},
		{"metered", metered, wazero.NewRuntimeConfigCompiler()},
		{"close-on-done", module, wazero.NewRuntimeConfigCompiler().WithCloseOnContextDone(true)},
	} {
		b.Run(v.name, func(b *testing.B) {
			g := instantiate(b, v.config, v.module, 1<<40)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.call(function, arguments...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
