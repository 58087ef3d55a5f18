// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// Host is what the policies of one scheduler share: the resident snapshot. All profiles of a
// scheduler must use the same Host, and different schedulers in one process different ones.
type Host struct {
	opts snapshot.Options
	// guests is how many guests each policy has; 0 for as many as can run at the same time.
	guests int
	// cycles numbers combinations of pod and state for guests.
	cycles atomic.Uint64
	// tables tells that some policy reads the whole node table.
	tables atomic.Bool

	mu    sync.Mutex // guards store
	store *snapshot.Store
}

// NewHost returns a host; it takes resources when it makes its first policy.
func NewHost() *Host { return &Host{} }

// Close releases the shared snapshot. Cycles that still run fail with an error status.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.store == nil {
		return nil
	}
	return h.store.Close()
}

func (h *Host) snapshot() (*snapshot.Store, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.store != nil {
		return h.store, nil
	}
	store, err := snapshot.New(h.opts)
	if err != nil {
		return nil, fmt.Errorf("making the resident snapshot: %w", err)
	}
	h.store = store
	return store, nil
}

// Factory returns the plugin factory of a policy; it has the type that the scheduler's
// registry wants. The framework calls it once for each profile that enables the policy.
func (h *Host) Factory(name string) func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) {
	return func(ctx context.Context, obj runtime.Object, handle fwk.Handle) (fwk.Plugin, error) {
		args, problems := config.Load(obj, field.NewPath("args"))
		if err := problems.ToAggregate(); err != nil {
			return nil, fmt.Errorf("policy %q: %w", name, err)
		}
		p, err := h.newPolicy(ctx, name, args, handle)
		if err != nil {
			return nil, fmt.Errorf("policy %q: %w", name, err)
		}
		return p.expose(), nil
	}
}

func (h *Host) newPolicy(ctx context.Context, name string, args *v1alpha1.WasmPluginArgs, handle fwk.Handle) (*policy, error) {
	store, err := h.snapshot()
	if err != nil {
		return nil, err
	}
	logger := klog.FromContext(ctx).WithName(name).WithValues("policy", name)
	pool, err := load(ctx, args, logger, cmp.Or(h.guests, runnable()))
	if err != nil {
		return nil, err
	}
	about := pool.Describe()
	store.Require(about.Reads)
	if about.Reads&abi.NodeTable != 0 {
		h.tables.Store(true)
	}
	logger.Info("Loaded policy", "profile", handle.ProfileName(), "module", args.Module.File.Path, "producer", about.Producer)
	return &policy{
		name: name, host: h, handle: handle, store: store, pool: pool, about: about, logger: logger,
		filterKey: fwk.StateKey("stowage/filter/" + name), scoreKey: fwk.StateKey("stowage/score/" + name),
	}, nil
}

// load makes a pool of guests from args.
func load(ctx context.Context, args *v1alpha1.WasmPluginArgs, logger klog.Logger, guests int) (*guest.Pool, error) {
	wasm, err := source.File(args.Module.File.Path)
	if err != nil {
		return nil, err
	}
	module, err := engine.Compile(ctx, wasm, engine.Options{Log: logTo(logger)})
	if err != nil {
		return nil, fmt.Errorf("module %q: %w", args.Module.File.Path, err)
	}
	var conf []byte
	if args.Config != nil {
		conf = args.Config.Raw
	}
	pool, err := guest.NewPool(ctx, module, conf, guests)
	if err != nil {
		return nil, fmt.Errorf("module %q: %w", args.Module.File.Path, errors.Join(err, module.Close(ctx)))
	}
	if err := pool.Warm(ctx); err != nil {
		return nil, fmt.Errorf("module %q: %w", args.Module.File.Path, errors.Join(err, pool.Close(ctx)))
	}
	return pool, nil
}

// runnable is how many guests can be in a call at the same time: one for each worker of the
// framework that has a CPU, because running Wasm is not preempted.
func runnable() int {
	const parallelism = 16 // the framework's default
	return min(goruntime.GOMAXPROCS(0), parallelism)
}

// logTo maps a guest's levels to klog's: warnings and errors are always shown.
func logTo(logger klog.Logger) func(uint32, string) {
	return func(level uint32, line string) {
		switch level {
		case abi.LogError:
			logger.Error(nil, line)
		case abi.LogWarning:
			logger.Info(line, "level", "warning")
		case abi.LogInfo:
			logger.V(2).Info(line)
		default:
			logger.V(4).Info(line)
		}
	}
}
