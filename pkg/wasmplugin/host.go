// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/ledger"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/metrics"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/objects"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// DefaultMemory is how many bytes of linear memory all guests of a host may use together.
const DefaultMemory = 2 << 30

// DefaultLoadTimeout is how long the scheduler's start waits for a module to load.
const DefaultLoadTimeout = 15 * time.Second

// Host is what the policies of one scheduler share: the resident snapshot. All profiles of a
// scheduler must use the same Host, and different schedulers in one process different ones.
type Host struct {
	opts   snapshot.Options
	memory *engine.MemoryBudget
	// patience is how long a factory waits for a module to load.
	patience time.Duration
	// cache is on disk; nil if there is none.
	cache *cache.Cache
	// self is what events about policies themselves are about; nil if there are none.
	self *v1.ObjectReference
	// retry is how long a policy waits before it tries again to load its module; it doubles.
	retry time.Duration
	// cycles numbers attempts, and combinations of pod and state for guests.
	cycles atomic.Uint64
	// tables tells that some policy reads the whole node table.
	tables atomic.Bool

	// collecting is set while the garbage collector is going to run for policies.
	collecting atomic.Bool

	// compiling is held while a module compiles; no guest runs under it.
	compiling sync.Mutex

	// dynamic makes the client for objects that policies declare.
	dynamic func(*rest.Config) (dynamic.Interface, error)
	// ledger is what pods use by account; counting tells that some policy reads it.
	ledger   *ledger.Ledger
	counting atomic.Bool

	mu       sync.Mutex // guards what follows
	store    *snapshot.Store
	watching *objects.Watcher
	policies []*policy
}

// NewHost returns a host; it takes resources when it makes its first policy.
func NewHost() *Host {
	return &Host{
		memory:   engine.NewMemoryBudget(DefaultMemory, metrics.GuestMemory),
		patience: DefaultLoadTimeout,
		dynamic:  dynamicClient, ledger: ledger.New(),
	}
}

// SetMemoryLimit changes how many bytes of linear memory all guests may use together, from
// DefaultMemory. Guests that use more already keep it. The windows over which the host lays the
// snapshot do not count: their pages exist once, however many guests see them.
func (h *Host) SetMemoryLimit(bytes int64) { h.memory.SetLimit(bytes) }

// SetCacheDir has the host keep compiled modules, and what worked last, in a directory: modules load faster then,
// and policies whose source is out of reach when the scheduler starts are those that it had before. Several
// schedulers may share it. It comes before any factory; without it there is no cache.
func (h *Host) SetCacheDir(dir string) {
	h.cache = cache.New(dir, cache.Options{Trouble: func(err error) {
		h.logger().Info("The cache of policies is of no use", "cause", err.Error())
	}})
}

// SetLoadTimeout changes how long a factory waits for its policy's module to load, from
// DefaultLoadTimeout. After that the policy has no module until it is loaded.
func (h *Host) SetLoadTimeout(d time.Duration) { h.patience = d }

// Close releases the shared snapshot. Cycles that still run fail with an error status.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watching != nil {
		h.watching.Close()
	}
	if h.store == nil {
		return nil
	}
	return h.store.Close()
}

// logger is for what concerns no policy alone.
func (h *Host) logger() klog.Logger { return klog.Background().WithName("policies") }

// collectEvery is the least time between collections of garbage that are asked for: each takes processor time from
// scheduling.
const collectEvery = 15 * time.Second

// collect has the garbage collector run in a while, once for all policies that ask for it meanwhile.
func (h *Host) collect() {
	if h.collecting.CompareAndSwap(false, true) {
		time.AfterFunc(collectEvery, func() {
			h.collecting.Store(false)
			goruntime.GC()
		})
	}
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
// registry wants. The framework calls it once for each profile that enables the policy. Args that
// are not valid are an error; a module that cannot be loaded is not, or whoever makes a module
// could keep the scheduler from starting: the policy's failurePolicy is followed until it can.
func (h *Host) Factory(name string) func(context.Context, runtime.Object, fwk.Handle) (fwk.Plugin, error) {
	return func(ctx context.Context, obj runtime.Object, handle fwk.Handle) (fwk.Plugin, error) {
		args, problems := config.Load(obj, field.NewPath("args"))
		if err := problems.ToAggregate(); err != nil {
			return nil, fmt.Errorf("policy %q: %w", name, err)
		}
		store, err := h.snapshot()
		if err != nil {
			return nil, fmt.Errorf("policy %q: %w", name, err)
		}
		logger := klog.FromContext(ctx).WithName(name).WithValues("policy", name)
		p := newPolicy(logger, h, name, "", args, handle, store)
		if err := p.startAll(ctx); err != nil {
			return nil, fmt.Errorf("policy %q: %w", name, errors.Join(err, p.close()))
		}
		h.add(p)
		return p.expose(), nil
	}
}

// logTo maps a guest's levels to klog's: warnings and errors are always shown. A guest's lines can
// be told from the host's about the policy.
func logTo(logger klog.Logger) func(uint32, string) {
	logger = logger.WithValues("from", "guest")
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

// guestEvent records an event that a guest wants on the pod of the current cycle.
func (p *policy) guestEvent(subject any, warning bool, reason, note string) {
	if p.shadowing != nil {
		return // it has no effect, on people either
	}
	if reserved(reason) {
		p.metrics.Dropped(abi.ImportEvent)
		return
	}
	kind := v1.EventTypeNormal
	if warning {
		kind = v1.EventTypeWarning
	}
	p.event(subject.(*v1.Pod), kind, reason, "Policy "+p.name+": "+note)
}

// reserved tells whether a reason is one that others give, and that people and programs rely on.
func reserved(reason string) bool {
	return strings.HasPrefix(reason, "Policy") ||
		slices.Contains([]string{"Scheduled", "FailedScheduling", "Preempted", "Nominated", "WaitingOnPermit"}, reason)
}
