// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package engine compiles and runs guests. It is the only package that knows wazero.
//
// Ownership: a Module owns its runtime, compiled code and host modules; an Instance owns its
// linear memory. Close a module's instances before the module. A fault ends the instance it
// happened in and nothing else.
//
// Concurrency: a Module may be instantiated from several goroutines. An Instance is for one
// goroutine at a time.
package engine

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
)

// wasmPage is the unit of linear memory, in bytes.
const wasmPage = 64 << 10

// DefaultMemory is the most linear memory of one instance, windows included, in bytes. Windows
// cost address space only; the rest bounds a guest that leaks.
const DefaultMemory = 1 << 30

// ErrModule marks bytes that are not a module this host can run.
var ErrModule = errors.New("not a usable module")

// Options of a Module.
type Options struct {
	// Memory is the limit of one instance's linear memory in bytes. Defaults to DefaultMemory.
	Memory int
	// Log receives the lines that guests log. Defaults to dropping them. It may be called from
	// several goroutines.
	Log func(level uint32, line string)
}

// Module is compiled code, ready to be instantiated.
type Module struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	exports  map[string]bool
}

// Compile compiles a module and checks its imports and exports against the ABI.
func Compile(ctx context.Context, wasm []byte, opts Options) (*Module, error) {
	if err := recognize(wasm); err != nil {
		return nil, err
	}
	if opts.Memory == 0 {
		opts.Memory = DefaultMemory
	}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(uint32(opts.Memory / wasmPage))
	m := &Module{runtime: wazero.NewRuntimeWithConfig(ctx, config)}
	if err := m.prepare(ctx, wasm, opts); err != nil {
		return nil, errors.Join(err, m.Close(ctx))
	}
	return m, nil
}

func (m *Module) prepare(ctx context.Context, wasm []byte, opts Options) (err error) {
	ctx = experimental.WithCompilationWorkers(ctx, goruntime.GOMAXPROCS(0))
	if m.compiled, err = m.runtime.CompileModule(ctx, wasm); err != nil {
		return fmt.Errorf("%w: compiling: %w", ErrModule, err)
	}
	if err := checkImports(m.compiled.ImportedFunctions()); err != nil {
		return err
	}
	if m.exports, err = checkExports(m.compiled); err != nil {
		return err
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, m.runtime); err != nil {
		return fmt.Errorf("making WASI available: %w", err)
	}
	return instantiateHost(ctx, m.runtime, opts.Log)
}

// Exports tells whether the module has the export.
func (m *Module) Exports(name string) bool { return m.exports[name] }

// Instantiate makes a guest and runs its initialisation.
func (m *Module) Instantiate(ctx context.Context) (inst *Instance, err error) {
	out := &tail{}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize).
		WithStdout(out).WithStderr(out)
	if arena.Mapped {
		ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(
			func(_, maximum uint64) experimental.LinearMemory { return arena.NewLinear(maximum) }))
	}
	// wazero panics if there is no room for the module's initial memory.
	defer func() {
		if r := recover(); r != nil {
			inst, err = nil, newFault("instantiate", fmt.Errorf("making memory: %v", r), out)
		}
	}()
	mod, err := m.runtime.InstantiateModule(ctx, m.compiled, config)
	if err == nil && mod.IsClosed() {
		// wazero takes a guest that exits with 0 while it initialises for a success.
		err = sys.NewExitError(0)
	}
	if err != nil {
		return nil, newFault("instantiate", err, out)
	}
	return newInstance(mod, out), nil
}

// Close releases the runtime with all that it made.
func (m *Module) Close(ctx context.Context) error { return m.runtime.Close(ctx) }

func instantiateHost(ctx context.Context, r wazero.Runtime, log func(uint32, string)) error {
	logged := func(_ context.Context, mod api.Module, level, addr, size uint32) {
		if line, ok := mod.Memory().Read(addr, min(size, maxLogLine)); ok && log != nil {
			log(level, string(line))
		}
	}
	_, err := r.NewHostModuleBuilder(abi.ImportModule).
		NewFunctionBuilder().WithFunc(logged).Export(abi.ImportLog).Instantiate(ctx)
	if err != nil {
		return fmt.Errorf("making host functions available: %w", err)
	}
	return nil
}

// maxLogLine is the most bytes of a logged line that are kept.
const maxLogLine = 4 << 10
