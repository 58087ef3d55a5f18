// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// errFuel is how the host ends a call whose budget is used up.
var errFuel = errors.New("fuel exhausted")

// guest is an instance whose fuel the test grants in slices, as the engine does.
type guest struct {
	api.Module

	// left is what has not been granted of the budget yet, slice how much is granted at once.
	left, slice int64
	granted     int64
	refuels     int
}

type guestKey struct{}

// refuel grants slices until the fuel is not negative, or ends the call.
func refuel(ctx context.Context, m api.Module, _ []uint64) {
	g := ctx.Value(guestKey{}).(*guest)
	fuel := m.ExportedGlobal(ExportFuel).(api.MutableGlobal)
	g.refuels++
	if int64(fuel.Get()) >= 0 {
		panic(errors.New("refuel called with fuel left"))
	}
	for int64(fuel.Get()) < 0 {
		n := min(g.slice, g.left)
		if n == 0 {
			panic(errFuel)
		}
		g.left, g.granted = g.left-n, g.granted+n
		fuel.Set(fuel.Get() + uint64(n))
	}
}

// used is the fuel used so far; 0 in a module that is not metered.
func (g *guest) used() int64 {
	fuel := g.ExportedGlobal(ExportFuel)
	if fuel == nil {
		return 0
	}
	return g.granted - int64(fuel.Get())
}

// stack is the native stack left.
func (g *guest) stack() int64 { return int64(g.ExportedGlobal(ExportStack).Get()) }

// instantiate starts a module with a budget of fuel that is granted in one slice.
func instantiate(tb testing.TB, config wazero.RuntimeConfig, module []byte, budget int64) *guest {
	tb.Helper()
	g, err := start(tb, config, module, budget, budget)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// start instantiates a module with the imports that tests have.
func start(tb testing.TB, config wazero.RuntimeConfig, module []byte, budget, slice int64) (*guest, error) {
	tb.Helper()
	g := &guest{left: budget, slice: slice}
	ctx := context.WithValue(context.Background(), guestKey{}, g)
	runtime := wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(1024))
	tb.Cleanup(func() { _ = runtime.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, runtime)
	_, err := runtime.NewHostModuleBuilder(ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(refuel), nil, nil).Export(ImportRefuel).Instantiate(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	_, err = runtime.NewHostModuleBuilder("host").NewFunctionBuilder().
		WithFunc(func(x int32) int32 { return x + 1 }).Export("increment").Instantiate(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	g.Module, err = runtime.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	return g, err
}

// call calls an export with the guest's fuel.
func (g *guest) call(function string, arguments ...uint64) ([]uint64, error) {
	return g.ExportedFunction(function).Call(context.WithValue(context.Background(), guestKey{}, g), arguments...)
}
