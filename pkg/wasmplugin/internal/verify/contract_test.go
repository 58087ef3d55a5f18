// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"fmt"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

const wasi = "wasi_snapshot_preview1"

// offered is imports as a host has them.
func offered() []verify.Import {
	i32s := func(n int) (out []wasm.ValType) {
		for range n {
			out = append(out, wasm.I32)
		}
		return out
	}
	return []verify.Import{
		{Module: "stowage", Name: "log", Params: i32s(3), Capability: "log"},
		{Module: "stowage", Name: "event", Params: i32s(5), Results: i32s(1), Capability: "events"},
		{Module: wasi, Name: "proc_exit", Params: i32s(1)},
	}
}

type policy = wt.Policy

func change(f func(*policy)) []byte {
	p := wt.NewPolicy()
	f(p)
	return p.Bytes()
}

func TestImportsAndExportsAreChecked(t *testing.T) {
	const (
		provides    = ", which this host does not provide; it provides stowage.log, stowage.event, WASI preview 1"
		ask         = ": add it to capabilities in the policy's args, or build the policy without it"
		sdk         = "; build it with a Stowage SDK (see docs/abi.md)"
		commandOnly = "it is built as a command, which runs and ends; build a reactor, which answers calls (Go: -buildmode=c-shared, C: -mexec-model=reactor)"
	)
	for name, tc := range map[string]struct {
		module []byte
		want   string
	}{
		"nothing but a header": {
			wt.Raw(), `it does not export its memory as "memory"; it does not export "stowage_describe", "stowage_buffer", "stowage_configure"` + sdk,
		},
		"unknown imports": {
			change(func(p *policy) {
				p.Import("env", "abort", 4)
				p.Import("stowage", "launch", 0)
				p.Import(wasi, "sock_dial", 0)
				p.Import(wasi, "proc_exit", 1)
			}),
			"it imports env.abort, stowage.launch, wasi_snapshot_preview1.sock_dial" + provides,
		},
		"names are not believed": {
			change(func(p *policy) { p.Import("env\x1b[2J", "", 0) }), `it imports "env\x1b[2J".""` + provides,
		},
		"many unknown imports": {
			change(func(p *policy) {
				for i := range 12 {
					p.Import("env", fmt.Sprint(i), 0)
				}
			}),
			"it imports env.0, env.1, env.2, env.3, env.4, env.5, env.6, env.7, env.8, env.9, and 2 more" + provides,
		},
		"no capability": {
			change(func(p *policy) { p.Import("stowage", "log", 3) }), `it imports stowage.log, which needs capability "log"` + ask,
		},
		"all that is missing": {
			change(func(p *policy) {
				p.Import("stowage", "log", 3)
				p.Import("stowage", "event", 5, wt.I32)
				p.Import("env", "abort", 4)
			}),
			`it imports stowage.log, which needs capability "log"` + ask + `; it imports stowage.event, which needs capability "events"` + ask +
				"; it imports env.abort" + provides,
		},
		"import of another type": {
			change(func(p *policy) { p.Import("stowage", "log", 1) }), "it imports stowage.log as (i32) -> (), want (i32, i32, i32) -> ()",
		},
		"metering imported": {
			change(func(p *policy) { p.Import("stowage:meter", "refuel", 0) }), "it imports stowage:meter.refuel, a name that is kept for metering",
		},
		"metering exported": {
			change(func(p *policy) { p.Define(wt.Func{Name: "stowage:meter/fuel"}) }), `it exports stowage:meter/fuel, a name that is kept for metering`,
		},
		"no describe": {
			change(func(p *policy) { p.Without(abi.ExportDescribe) }), `it does not export "stowage_describe"` + sdk,
		},
		"wrong parameters": {
			change(func(p *policy) {
				p.Without(abi.ExportFilter)
				p.Define(wt.Func{Name: abi.ExportFilter, Params: []byte{wt.I64, wt.I32}, Results: []byte{wt.I32}, Body: wt.Const(0)})
			}),
			`it exports "stowage_filter" as (i64, i32) -> (i32), want () -> (i32)`,
		},
		"wrong result": {
			change(func(p *policy) {
				p.Without(abi.ExportBuffer)
				p.Define(wt.Func{Name: abi.ExportBuffer, Params: []byte{wt.I32, wt.I32}})
			}),
			`it exports "stowage_buffer" as (i32, i32) -> (), want (i32, i32) -> (i32)`,
		},
		"wrong initialize": {
			change(func(p *policy) { p.Define(wt.Func{Name: abi.ExportInitialize, Params: []byte{wt.I32}}) }),
			`it exports "_initialize" as (i32) -> (), want () -> ()`,
		},
		"wrong kind": {
			wt.Raw(onePage, wt.Section(wt.SectionExport, []byte{1}, wt.Text(abi.ExportScore), []byte{2, 0})),
			`it does not export its memory as "memory"; it exports the memory "stowage_score", want a function; ` +
				`it does not export "stowage_describe", "stowage_buffer", "stowage_configure"` + sdk,
		},
		"command": {
			change(func(p *policy) { p.Without(abi.ExportDescribe).Define(wt.Func{Name: "_start"}) }), commandOnly,
		},
		"more memory than allowed": {
			change(func(p *policy) { p.Pages = 1<<14 + 1 }),
			"memory section: at byte 0x3b: memory of 16385 pages at the start, the limit is 16384 pages of 64 KiB: build with a smaller initial memory, or raise limits.memory",
		},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.module, verify.Options{Imports: offered()}, tc.want) })
	}
}

func TestGrantedImportsAreAccepted(t *testing.T) {
	module := change(func(p *policy) {
		p.Import("stowage", "log", 3)
		p.Import("stowage", "event", 5, wt.I32)
	})
	for name, opts := range map[string]verify.Options{
		"granted":   {Imports: offered(), Granted: []string{"clock", "events", "log"}},
		"inspected": {Imports: offered(), Inspect: true},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := verify.Check(module, opts); err != nil {
				t.Error(err)
			}
		})
	}
}

// A command that can also be called is a reactor with a main function that nobody runs.
func TestStartBesideInitializeIsAccepted(t *testing.T) {
	module := change(func(p *policy) {
		p.Define(wt.Func{Name: "_start"})
		p.Define(wt.Func{Name: abi.ExportInitialize})
	})
	if _, err := verify.Check(module, verify.Options{}); err != nil {
		t.Error(err)
	}
}

func TestLimitsAreTheCallers(t *testing.T) {
	limits := verify.DefaultLimits()
	limits.MemoryPages = 32
	refused(t, wt.NewPolicy().Bytes(), verify.Options{Limits: limits},
		"memory section: at byte 0x3b: memory of 33 pages at the start, the limit is 32 pages of 64 KiB: build with a smaller initial memory, or raise limits.memory")
}
