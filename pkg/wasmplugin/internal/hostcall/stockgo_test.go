// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// Stock Go starts on the stubs alone: its runtime asks for arguments, environment, clocks, random
// bytes and the standard streams.
func TestStockGoStarts(t *testing.T) {
	c := hostcall.NewCaller(hostcall.NewServices(forbidden(t)), nil)
	mod := start(t, c, wt.Build(t, "sdk/go/conformance"))
	result, err := mod.ExportedFunction(abi.ExportDescribe).Call(t.Context())
	if err != nil {
		t.Fatalf("%v; output: %s", err, c.Output())
	}
	if magic, ok := mod.Memory().ReadUint32Le(uint32(result[0])); !ok || magic != abi.Magic {
		t.Errorf("the descriptor starts with %#x, want %#x", magic, abi.Magic)
	}
	if c.Cost() == 0 {
		t.Error("the module did not call the host: the test shows nothing")
	}
}

// talker calls every function of the SDK, and what it can of the toolchain's.
const talker = `package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"time"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

type policy struct{}

func (policy) Filter(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status { return stowage.Success() }

func init() { stowage.Register(policy{}, 0) }

//go:wasmexport talk
func talk() {
	stowage.Log(stowage.LevelWarning, "hello")
	stowage.Count("pods_seen", 3)
	stowage.Gauge("load", 0.25)
	recorded := stowage.Event(stowage.EventWarning, "NoQuota", "none left")
	began := time.Now()
	time.Sleep(time.Hour)
	_, err := os.ReadFile("/etc/passwd")
	b := make([]byte, 100_000)
	_, _ = rand.Read(b)
	fmt.Println(recorded, len(os.Args), len(os.Environ()), err != nil, time.Since(began) > time.Hour, time.Since(began) < 2*time.Hour, b[0] != b[1])
}

func main() {}
`

func TestStockGoTalks(t *testing.T) {
	r := recorder{now: time.Unix(1000, 0)}
	opts := r.options(hostcall.Limits{})
	c := hostcall.NewCaller(hostcall.NewServices(opts), []string{abi.CapabilityLog, abi.CapabilityMetrics, abi.CapabilityEvents})
	c.Subject = "pod"
	mod := start(t, c, build(t, talker))
	if _, err := mod.ExportedFunction("talk").Call(t.Context()); err != nil {
		t.Fatalf("%v; output: %s", err, c.Output())
	}
	r.want(t, "2 hello", "count pods_seen 3", "gauge load 0.25", "pod true NoQuota: none left")
	if diff := cmp.Diff("true 0 0 true true true true", c.Output()); diff != "" {
		t.Errorf("event, arguments, environment, no file, time passed, not too much, random (-want,+got):\n%s", diff)
	}
}

// build builds a program that uses the SDK.
func build(t *testing.T, source string) []byte {
	t.Helper()
	const sdk = "github.com/stowage-scheduler/stowage/sdk/go"
	dir := t.TempDir()
	mod := fmt.Sprintf("module talker\n\ngo 1.26.0\n\nrequire %s v0.0.0\n\nreplace %[1]s => %[2]s\n", sdk, filepath.Join(wt.Root(), "sdk", "go"))
	for name, text := range map[string]string{"go.mod": mod, "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", "talker.wasm", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wasm, err := os.ReadFile(filepath.Join(dir, "talker.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func start(t *testing.T, c *hostcall.Caller, wasm []byte) api.Module {
	t.Helper()
	ctx := t.Context()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	register(t, r, c)
	mod, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithStartFunctions(abi.ExportInitialize))
	if err != nil {
		t.Fatalf("%v; output: %s", err, c.Output())
	}
	return mod
}

func register(t *testing.T, r wazero.Runtime, c *hostcall.Caller) {
	t.Helper()
	builders := map[string]wazero.HostModuleBuilder{}
	for _, f := range hostcall.Table() {
		b := builders[f.Module]
		if b == nil {
			b = r.NewHostModuleBuilder(f.Module)
		}
		builders[f.Module] = b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, mod api.Module, stack []uint64) {
			c.Memory = mod.Memory()
			if err := f.Call(c, stack); err != nil {
				panic(err)
			}
		}), values(f.Params), values(f.Results)).Export(f.Name)
	}
	for _, b := range builders {
		if _, err := b.Instantiate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func values(types []hostcall.Type) []api.ValueType {
	out := make([]api.ValueType, 0, len(types))
	for _, t := range types {
		out = append(out, api.ValueType(t))
	}
	return out
}
