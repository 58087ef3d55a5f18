// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

func signature[T ~byte](params, results []T) string { return fmt.Sprintf("%x -> %x", params, results) }

// signatures is the table's functions of a module.
func signatures(module string) map[string]string {
	got := map[string]string{}
	for _, f := range hostcall.Table() {
		if f.Module == module {
			got[f.Name] = signature(f.Params, f.Results)
		}
	}
	return got
}

// WASI preview 1 is what wazero takes it for.
func TestTableHasAllOfWASI(t *testing.T) {
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	host, err := wasi_snapshot_preview1.NewBuilder(r).Compile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for name, f := range host.ExportedFunctions() {
		want[name] = signature(f.ParamTypes(), f.ResultTypes())
	}
	if diff := cmp.Diff(want, signatures(wasi_snapshot_preview1.ModuleName)); diff != "" {
		t.Errorf("functions (-want,+got):\n%s", diff)
	}
	if len(want) != 46 {
		t.Errorf("preview 1 has %d functions, want 46", len(want))
	}
}

func TestTableHasOurFunctions(t *testing.T) {
	i32, i64, f64 := api.ValueTypeI32, api.ValueTypeI64, api.ValueTypeF64
	type types = []api.ValueType
	want := map[string]string{
		abi.ImportLog:   signature(types{i32, i32, i32}, nil),
		abi.ImportCount: signature(types{i32, i32, i64}, nil),
		abi.ImportGauge: signature(types{i32, i32, f64}, nil),
		abi.ImportEvent: signature(types{i32, i32, i32, i32, i32}, types{i32}),

		abi.ImportUsed:    signature(types{i32, i32, i32, i32, i32}, types{i64}),
		abi.ImportObject:  signature(types{i32, i32, i32, i32, i32, i32, i32}, types{i32}),
		abi.ImportWaiting: signature(types{i32, i32}, types{i32}),
		abi.ImportAllow:   signature(types{i32, i32}, types{i32}),
		abi.ImportReject:  signature(types{i32, i32, i32, i32}, types{i32}),
		abi.ImportWake:    signature(types{i64}, nil),
		abi.ImportDataGet: signature(types{i32, i32, i32, i32}, types{i32}),
		abi.ImportDataSet: signature(types{i32, i32, i32, i32}, types{i32}),
	}
	if diff := cmp.Diff(want, signatures(abi.ImportModule)); diff != "" {
		t.Errorf("functions (-want,+got):\n%s", diff)
	}
}

// There is no third kind of function: a new one is gated, or a stub that passes the test below.
func TestEveryFunctionIsGatedOrAStub(t *testing.T) {
	known := []string{
		abi.CapabilityLog, abi.CapabilityMetrics, abi.CapabilityEvents, abi.CapabilityLedger, abi.CapabilityObjects,
		abi.CapabilityWaitingPods, abi.CapabilityWake, abi.CapabilitySharedData,
	}
	for _, f := range hostcall.Table() {
		if f.Module == abi.ImportModule && !slices.Contains(known, f.Capability) {
			t.Errorf("%s.%s has capability %q, want one of %q", f.Module, f.Name, f.Capability, known)
		}
		if f.Module != abi.ImportModule && f.Capability != "" {
			t.Errorf("%s.%s has capability %q, want a stub", f.Module, f.Name, f.Capability)
		}
	}
}

// forbidden is services that fail the test when they are used.
func forbidden(t *testing.T) hostcall.Options {
	used := func(what string) { t.Helper(); t.Errorf("%s was used", what) }
	started := false
	return hostcall.Options{
		Log:     func(uint32, string) { used("Log") },
		Count:   func(string, int64) bool { used("Count"); return true },
		Gauge:   func(string, float64) bool { used("Gauge"); return true },
		Event:   func(any, bool, string, string) { used("Event") },
		Dropped: func(string) { used("Dropped") },
		Used:    func(int, string, string) (int64, bool) { used("Used"); return 0, true },
		Object:  func(int, string, string) ([]byte, bool, bool) { used("Object"); return nil, false, true },
		Waiting: func(string) int { used("Waiting"); return 0 },
		Allow:   func(string) int { used("Allow"); return 0 },
		Reject:  func(string, string) int { used("Reject"); return 0 },
		Wake:    func(any, time.Duration) { used("Wake") },
		DataGet: func(string) ([]byte, bool) { used("DataGet"); return nil, false },
		DataSet: func(string, []byte) bool { used("DataSet"); return true },
		Random:  readerFunc(func([]byte) (int, error) { used("Random"); return 0, io.EOF }),
		Now: func() time.Time {
			if started {
				used("Now")
			}
			started = true
			return time.Unix(0, 0)
		},
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Whatever it calls in whatever way: a guest without capabilities reaches nothing of the host.
func TestNothingIsReachedWithoutCapability(t *testing.T) {
	c, mem := guest(forbidden(t))
	c.Subject = "pod"
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range hostcall.Table() {
		for range 200 {
			stack := make([]uint64, max(len(f.Params), 1))
			for i := range stack {
				stack[i] = rng.Uint64N(uint64(1) << rng.IntN(20))
			}
			mem.put(rng.Uint32N(1000), rng.Uint32N(4), rng.Uint32N(4))
			err := f.Call(c, stack)
			if f.Capability != "" {
				wantMisuse(t, err, fmt.Sprintf("%s: capability %q is not granted", f.Name, f.Capability))
			} else if exit := (*hostcall.Exit)(nil); err != nil && !errors.As(err, &exit) && f.Name != "proc_raise" {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
}

func TestCapabilitiesDoNotLendEachOther(t *testing.T) {
	for _, f := range hostcall.Table() {
		if f.Capability == "" {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(capabilities), func(s string) bool {
			return strings.HasPrefix(s, f.Capability)
		})
		c, _ := guest(hostcall.Options{}, others...)
		if err := f.Call(c, make([]uint64, len(f.Params))); !errors.Is(err, hostcall.ErrMisuse) {
			t.Errorf("%s without %q: %v, want a misuse", f.Name, f.Capability, err)
		}
	}
}

// Fuel is charged for each call and for what it looks at, not for what it was promised.
func TestCost(t *testing.T) {
	for name, tc := range map[string]struct {
		function string
		args     []uint64
		want     int64
	}{
		"nothing to do":     {"sched_yield", nil, 100},
		"a line":            {"log", []uint64{1, 0, 50}, 150},
		"a long line":       {"log", []uint64{1, 0, 60000}, 100 + 4096},
		"random bytes":      {"random_get", []uint64{0, 5000}, 100 + 16*5000},
		"refused":           {"random_get", []uint64{0, 1<<20 + 1}, 100},
		"an event":          {"event", []uint64{0, 0, 7, 100, 20}, 127},
		"writing":           {"fd_write", []uint64{1, 0, 0, 0}, 100},
		"polling two times": {"poll_oneoff", []uint64{0, 0, 2, 0}, 100 + 160},
		"an account":        {"used", []uint64{0, 0, 7, 0, 6}, 500 + 13},
		"a long account":    {"used", []uint64{0, 0, 9999, 0, 6}, 500 + 317 + 6},
		"an object":         {"object", []uint64{0, 0, 7, 0, 6, 100, 6}, 500 + 13 + 5},
		"without room":      {"object", []uint64{0, 0, 7, 0, 6, 100, 4}, 500 + 13},
		"waiting pods":      {"waiting", []uint64{0, 7}, 507},
		"three allowed":     {"allow", []uint64{0, 7}, 507 + 6000},
		"two rejected":      {"reject", []uint64{0, 7, 0, 9999}, 507 + 16*1024 + 4000},
		"waking":            {"wake", []uint64{0}, 2100},
		"getting a value":   {"data_get", []uint64{0, 7, 100, 50}, 507 + 6},
		"a value's size":    {"data_get", []uint64{0, 7, 0, 0}, 507},
		"setting a value":   {"data_set", []uint64{0, 7, 0, 4096}, 507 + 4096},
	} {
		t.Run(name, func(t *testing.T) {
			c, mem := guest(hostcall.Options{
				Object:  func(int, string, string) ([]byte, bool, bool) { return []byte("a: b\n"), true, true },
				DataGet: func(string) ([]byte, bool) { return []byte("values"), true },
				Allow:   func(string) int { return 3 },
				Reject:  func(string, string) int { return 2 },
			}, capabilities...)
			copy(mem, "Reasons")
			if _, err := call(t, c, tc.function, tc.args...); err != nil {
				t.Fatal(err)
			}
			if got := [2]int64{c.Cost(), c.Cost()}; got != [2]int64{tc.want, 0} {
				t.Errorf("cost, and cost afterwards = %v, want %d and 0", got, tc.want)
			}
		})
	}
}
