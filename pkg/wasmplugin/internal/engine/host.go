// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
)

// provide makes the functions of the table, and refueling, available to modules of a runtime.
// Which of them a module may import was decided when it was verified.
func provide(ctx context.Context, r wazero.Runtime) error {
	builders := map[string]wazero.HostModuleBuilder{}
	builder := func(module string) wazero.HostModuleBuilder {
		if builders[module] == nil {
			builders[module] = r.NewHostModuleBuilder(module)
		}
		return builders[module]
	}
	for _, f := range hostcall.Table() {
		builder(f.Module).NewFunctionBuilder().
			WithGoModuleFunction(served(f), types(f.Params), types(f.Results)).Export(f.Name)
	}
	builder(meter.ImportModule).NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(refuel), nil, nil).Export(meter.ImportRefuel)
	for module, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("making host functions of %q available: %w", module, err)
		}
	}
	return nil
}

// served runs a function of the table for the instance that called it.
func served(f hostcall.Function) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		i := calling(ctx)
		i.caller.Memory = mod.Memory()
		err := f.Call(i.caller, stack)
		i.gauge.charge(i.caller.Cost())
		switch {
		case err == nil:
		case errors.Is(err, hostcall.ErrMisuse):
			panic(&stopped{ErrHostCall, err})
		default:
			panic(&stopped{ErrExit, err})
		}
	}
}

func refuel(ctx context.Context, mod api.Module, _ []uint64) {
	if err := calling(ctx).gauge.refuel(mod); err != nil {
		panic(err)
	}
}

func types(in []hostcall.Type) (out []api.ValueType) {
	for _, t := range in {
		out = append(out, api.ValueType(t))
	}
	return out
}

// instanceKey is where a call's context has the instance that runs.
type instanceKey struct{}

// bind is a context for calls into the instance.
func (i *Instance) bind(ctx context.Context) context.Context {
	return context.WithValue(ctx, instanceKey{}, i)
}

func calling(ctx context.Context) *Instance { return ctx.Value(instanceKey{}).(*Instance) }
