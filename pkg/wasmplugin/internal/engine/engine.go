// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package engine compiles and runs guests. It is the only package that knows wazero. What it is
// given must have passed package verify: wazero trusts the counts that a module declares.
//
// Ownership: a Module owns its runtime, compiled code and host modules; an Instance owns its
// linear memory. Close a module's instances before the module. A Cache is used while a module is
// compiled, and not after that. A fault ends the instance it happened in and nothing else.
//
// Concurrency: a Module may be instantiated from several goroutines, a MemoryBudget used by any
// number of modules. An Instance is for one goroutine at a time.
package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
)

// wasmPage is the unit of linear memory, in bytes.
const wasmPage = 64 << 10

const (
	// DefaultMemory is Options.Memory where it is not set.
	DefaultMemory = 64 << 20
	// DefaultStart is Options.Start where it is not set: a fraction of a second, and many times
	// what a stock-Go guest with a large init takes.
	DefaultStart = 1 << 28
	// windowRoom is the address space, in bytes, that windows may take on top of a guest's own
	// memory. It costs nothing until it is mapped.
	windowRoom = 1 << 30
	// windowSlack is what a guest may grow by beyond a window that it is asked for, in bytes: allocators round. Without
	// it the last few pages would come out of the budget for guests' own memory, and guests of one policy would
	// not get their windows because those of another use that up.
	windowSlack = 1 << 20
	// maxMemory is what a 32-bit address reaches, in bytes.
	maxMemory = 1 << 32
	// compilers is how many functions compile at the same time. With one, wazero would not look
	// at the context; each may take as much memory as package verify lets a function take.
	compilers = 2
	// maxCompileTime is several times what package verify estimates at most.
	maxCompileTime = 2 * time.Minute
	// MaxStartTime is how long a guest may take for each step of its start, whatever its fuel: to
	// be instantiated, to describe itself, to be configured.
	MaxStartTime = 10 * time.Second
)

// ErrModule marks bytes that are not a module this host can run.
var ErrModule = errors.New("not a usable module")

// Options of a Module.
type Options struct {
	// Memory is how many bytes of linear memory an instance may use for itself; windows, which
	// the host asks for, come on top. Defaults to DefaultMemory.
	Memory int64
	// Budget is shared with other modules; nil is no further limit.
	Budget *MemoryBudget
	// Start is the fuel for an instance's start function and _initialize. Defaults to DefaultStart.
	Start int64
	// Services is what host functions reach, as far as the capabilities in Granted allow. Nil:
	// nothing.
	Services *hostcall.Services
	Granted  []string
	// CloseOnContextDone has wazero end calls whose context is done, instead of metering. It
	// exists to be measured.
	CloseOnContextDone bool
	// Cache has the code of modules that were compiled before. Nil: each is compiled.
	Cache Cache
}

// Module is compiled code, ready to be instantiated.
type Module struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	// code, if not nil, is what owns the compiled code in place of the runtime.
	code wazero.CompilationCache
	opts Options
	// owners is how many more than one have to Close the module.
	owners atomic.Int32
}

// Compile compiles a module that has been verified. Unless it has been metered too, nothing
// limits its guests' time.
func Compile(ctx context.Context, wasm []byte, opts Options) (*Module, error) {
	if opts.Memory == 0 {
		opts.Memory = DefaultMemory
	}
	if opts.Start == 0 {
		opts.Start = DefaultStart
	}
	if opts.Services == nil {
		opts.Services = hostcall.NewServices(hostcall.Options{})
	}
	// Debug information of a module is of no use once it has been metered, and reading it would be
	// one more thing to attack.
	config := wazero.NewRuntimeConfig().WithCloseOnContextDone(opts.CloseOnContextDone).WithDebugInfoEnabled(false).
		WithMemoryLimitPages(uint32(min(opts.Memory+windowRoom, maxMemory) / wasmPage))
	m, s := &Module{opts: opts}, openStage(opts.Cache, wasm)
	defer s.remove()
	if s != nil {
		m.code = s.code
		config = config.WithCompilationCache(m.code)
	}
	m.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	if err := m.prepare(ctx, wasm, s); err != nil {
		return nil, errors.Join(err, m.Close(ctx))
	}
	return m, nil
}

func (m *Module) prepare(ctx context.Context, wasm []byte, s *stage) (err error) {
	// A bug in the compiler must not become the scheduler's end.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: the compiler broke down: %v", ErrModule, r)
		}
	}()
	ctx, cancel := context.WithTimeout(experimental.WithCompilationWorkers(ctx, compilers), maxCompileTime)
	defer cancel()
	if m.compiled, err = s.compile(ctx, m.runtime, wasm); err != nil {
		return fmt.Errorf("%w: compiling: %w", ErrModule, err)
	}
	if m.compiled.ExportedMemories()[abi.ExportMemory] == nil {
		return fmt.Errorf("%w: it does not export its memory as %q", ErrModule, abi.ExportMemory)
	}
	return provide(context.WithoutCancel(ctx), m.runtime)
}

// Exports tells whether the module has the export.
func (m *Module) Exports(name string) bool { return m.compiled.ExportedFunctions()[name] != nil }

// Instantiate makes a guest and runs its initialisation. An error of the guest's is a *Fault.
func (m *Module) Instantiate(ctx context.Context) (inst *Instance, err error) {
	const call = "instantiate"
	i := &Instance{
		memory: &memory{limit: m.opts.Memory, budget: m.opts.Budget},
		caller: hostcall.NewCaller(m.opts.Services, m.opts.Granted),
	}
	i.Grant(Budget{Fuel: m.opts.Start, Until: time.Now().Add(MaxStartTime)})
	ctx = i.bind(experimental.WithMemoryAllocator(ctx, i.memory))
	// wazero panics if there is no room for the module's initial memory.
	defer func() {
		if r := recover(); r != nil {
			inst, err = nil, i.fault(call, fmt.Errorf("making memory: %v", r))
			i.memory.Free()
		}
	}()
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.ExportInitialize)
	mod, err := m.runtime.InstantiateModule(ctx, m.compiled, config)
	if err != nil {
		fault := i.fault(call, err)
		i.memory.Free()
		return nil, fault
	}
	i.adopt(mod)
	return i, nil
}

// Retain adds an owner: the module lives until each of them has closed it.
func (m *Module) Retain() *Module {
	m.owners.Add(1)
	return m
}

// Close releases the runtime with all that it made, once the last owner calls it.
func (m *Module) Close(ctx context.Context) error {
	if m.owners.Add(-1) >= 0 {
		return nil
	}
	err := m.runtime.Close(ctx)
	if m.code != nil {
		err = errors.Join(err, m.code.Close(ctx))
	}
	return err
}
