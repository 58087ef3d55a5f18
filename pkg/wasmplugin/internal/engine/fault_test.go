// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

const wasi = "wasi_snapshot_preview1"

func instantiate(t *testing.T, m *engine.Module) *engine.Instance {
	t.Helper()
	inst, err := m.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inst.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return inst
}

func TestFaults(t *testing.T) {
	tooLong := strings.Repeat("x", 5000) + " the end"
	for name, tc := range map[string]struct {
		guest func(p *wt.Policy)
		kind  error
		// want is the error's first line: a guest's stack may follow.
		want string
	}{
		"unreachable": {
			func(p *wt.Policy) { p.Body(abi.ExportFilter, wt.Unreachable()) },
			engine.ErrTrap, "trap in stowage_filter: wasm error: unreachable",
		},
		"out of bounds": {
			func(p *wt.Policy) { p.Body(abi.ExportFilter, wt.Load(0xfffffff0)) },
			engine.ErrTrap, "trap in stowage_filter: wasm error: out of bounds memory access",
		},
		"just out of bounds": {
			func(p *wt.Policy) { p.Body(abi.ExportFilter, wt.Load(p.Pages<<16-3)) },
			engine.ErrTrap, "trap in stowage_filter: wasm error: out of bounds memory access",
		},
		"division by zero": {
			func(p *wt.Policy) { p.Body(abi.ExportFilter, wt.Const(1), wt.Const(0), wt.Divide()) },
			engine.ErrTrap, "trap in stowage_filter: wasm error: integer divide by zero",
		},
		"endless recursion": {
			func(p *wt.Policy) {
				p.Funcs = []wt.Func{{Body: wt.Call(0)}}
				p.Body(abi.ExportFilter, wt.Call(0), wt.Const(0))
			},
			engine.ErrStack, "stack overflow in stowage_filter: it calls too deeply",
		},
		"exit": {
			func(p *wt.Policy) {
				exit, write := p.Import(wasi, "proc_exit", 1), p.Import(wasi, "fd_write", 4, wt.I32)
				p.Text("panic: out of ideas\n").Body(abi.ExportFilter, wt.WriteText(write, 20), wt.Exit(exit, 2))
			},
			engine.ErrExit, "exit in stowage_filter: the guest exited with code 2 (guest output: panic: out of ideas)",
		},
		"exit with success": {
			func(p *wt.Policy) { p.Body(abi.ExportFilter, wt.Exit(p.Import(wasi, "proc_exit", 1), 0)) },
			engine.ErrExit, "exit in stowage_filter: the guest exited with code 0",
		},
		"output that is not text": {
			func(p *wt.Policy) {
				write := p.Import(wasi, "fd_write", 4, wt.I32)
				p.Text(" \xff\xfe!\n").Body(abi.ExportFilter, wt.WriteText(write, 5), wt.Unreachable())
			},
			engine.ErrTrap, "trap in stowage_filter: wasm error: unreachable (guest output: ??!)",
		},
		"much output": {
			func(p *wt.Policy) {
				exit, write := p.Import(wasi, "proc_exit", 1), p.Import(wasi, "fd_write", 4, wt.I32)
				p.Text(tooLong).Body(abi.ExportFilter, wt.WriteText(write, uint32(len(tooLong))), wt.Exit(exit, 1))
			},
			engine.ErrExit, "exit in stowage_filter: the guest exited with code 1 (guest output: " + tooLong[len(tooLong)-2048:][:300] + "...)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := wt.NewPolicy()
			tc.guest(p)
			m := compile(t, p.Bytes(), engine.Options{})
			other := instantiate(t, m)
			_, err := instantiate(t, m).Call(t.Context(), abi.ExportFilter)
			wantFault(t, err, tc.kind, tc.want)
			if code, err := other.Call(t.Context(), abi.ExportScore); code != 0 || err != nil {
				t.Errorf("another instance: Call = %d, %v", code, err)
			}
			if code, err := instantiate(t, m).Call(t.Context(), abi.ExportScore); code != 0 || err != nil {
				t.Errorf("a new instance: Call = %d, %v", code, err)
			}
		})
	}
}

func wantFault(t *testing.T, err, kind error, want string) {
	t.Helper()
	fault := (*engine.Fault)(nil)
	if !errors.As(err, &fault) || !errors.Is(err, kind) {
		t.Fatalf("error %v is not a Fault of kind %q", err, kind)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("error (-want,+got):\n%s", diff)
	}
}

func TestFaultsOfInstantiation(t *testing.T) {
	for name, tc := range map[string]struct {
		guest func(p *wt.Policy)
		kind  error
		want  string
	}{
		"trap in _initialize": {
			func(p *wt.Policy) { p.Body(abi.ExportInitialize, wt.Unreachable()) },
			engine.ErrTrap, "trap in instantiate: module[] function[_initialize] failed: wasm error: unreachable",
		},
		"exit in _initialize": {
			func(p *wt.Policy) {
				exit := p.Import(wasi, "proc_exit", 1)
				p.Body(abi.ExportInitialize, wt.Const(3), wt.Call(exit))
			},
			engine.ErrExit, "exit in instantiate: the guest exited with code 3",
		},
		"exit with success in _initialize": {
			func(p *wt.Policy) {
				exit := p.Import(wasi, "proc_exit", 1)
				p.Body(abi.ExportInitialize, wt.Const(0), wt.Call(exit))
			},
			engine.ErrExit, "exit in instantiate: the guest exited with code 0",
		},
		"trap in start": {
			func(p *wt.Policy) { p.Funcs, p.Start = []wt.Func{{Body: wt.Unreachable()}}, 1 },
			engine.ErrTrap, "trap in instantiate: start function[0] failed: wasm error: unreachable",
		},
		"data outside of memory": {
			func(p *wt.Policy) { p.Data[p.Pages<<16-1] = []byte("xx") },
			engine.ErrTrap, "trap in instantiate: data[1]: out of bounds memory access",
		},
		"wrong signature of a WASI function": {
			func(p *wt.Policy) { p.Import(wasi, "proc_exit", 3) },
			engine.ErrTrap, "trap in instantiate: import func[wasi_snapshot_preview1.proc_exit]: signature mismatch: i32i32i32_v != i32_v",
		},
		"unknown WASI function": {
			func(p *wt.Policy) { p.Import(wasi, "launch", 0) },
			engine.ErrTrap, `trap in instantiate: "launch" is not exported in module "wasi_snapshot_preview1"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := wt.NewPolicy()
			tc.guest(p)
			_, err := compile(t, p.Bytes(), engine.Options{}).Instantiate(t.Context())
			wantFault(t, err, tc.kind, tc.want)
		})
	}
}

// A guest that exits is gone with its memory; a caller that comes back must get an error, not
// bring the process down.
func TestUseAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(*engine.Instance) error{
		"exit": func(i *engine.Instance) error {
			_, err := i.Call(t.Context(), abi.ExportFilter)
			if !errors.Is(err, engine.ErrExit) {
				return fmt.Errorf("Call = %w, want an exit", err)
			}
			return nil
		},
		"close": func(i *engine.Instance) error { return i.Close(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			p := wt.NewPolicy()
			p.Body(abi.ExportFilter, wt.Exit(p.Import(wasi, "proc_exit", 1), 1))
			inst := instantiate(t, compile(t, p.Bytes(), engine.Options{}))
			segs, seg := spaces(t, abi.SpaceData, 1)
			if _, err := inst.Sync(t.Context(), segs); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(end(inst), seg.Grow(5*arena.PageSize)); err != nil {
				t.Fatal(err)
			}
			if _, ok := inst.Bytes(0, 1); ok {
				t.Error("Bytes gives memory of a guest that has ended")
			}
			_, err := inst.Sync(t.Context(), segs)
			wantFault(t, err, engine.ErrABI, "ABI violation in Sync: the guest has ended")
			for _, export := range []string{abi.ExportFilter, abi.ExportScore} {
				if code, err := inst.Call(t.Context(), export); err == nil {
					t.Errorf("Call(%s) = %d after the end", export, code)
				}
			}
			if addr, err := inst.Buffer(t.Context(), abi.BufferBatch, 8); err == nil {
				t.Errorf("Buffer = %#x after the end", addr)
			}
		})
	}
}
