// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/breaker"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/metrics"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/preemption"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/shareddata"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// policy is one configured policy in one profile. It holds nothing of a cycle: that is in the
// CycleState.
type policy struct {
	// name is the operator's; id has the policy's role in the plugin too.
	name, id, role string
	args           *v1alpha1.WasmPluginArgs
	host           *Host
	handle         fwk.Handle
	store          *snapshot.Store
	logger         klog.Logger

	ignoreFaults, monitored bool
	// deadline is how long guests may run in one attempt.
	deadline            time.Duration
	filterKey, scoreKey fwk.StateKey

	metrics *metrics.Policy
	loading *metrics.Loading
	breaker *breaker.Breaker
	// subject is the pod that the breaker's latest news can be told about.
	subject atomic.Pointer[v1.Pod]

	// module is what new attempts ask; nil until one could be loaded. It and previous change together.
	module atomic.Pointer[running]
	// previous is what was asked before, while a scheduling cycle may need it that began then.
	previous atomic.Pointer[running]
	retired  retired
	// answered is the points that any generation answered; it only grows.
	answered atomic.Uint64
	// pipeline loads modules, on a goroutine of its own that stop ends.
	pipeline *generation.Pipeline
	// announced is the generation that was made known last; it belongs to the pipeline's goroutine.
	announced int
	// born is when the policy was made.
	born   time.Time
	stop   context.CancelFunc
	loader sync.WaitGroup

	// lookups holds a *lookup for each CPU that filters.
	lookups    sync.Pool
	queueing   queueing
	waiting    waiting
	waker      waker
	rejections rejections
	// data is what the policy's guests share, for the policy's life.
	data *shareddata.Data
	// bindKey is where a CycleState has what binding needs.
	bindKey fwk.StateKey

	// evictions is what evicts pods for the policy; nil until it is needed.
	evictions atomic.Pointer[preemption.Preemptor]

	// comparing is held while the attempt is looked up or begun that all placements of a group share.
	// No guest runs under it.
	comparing sync.Mutex

	shown *shown
	// plugin is the main policy of the plugin; canary answers for some of its pods in its place, and shadow
	// is asked what it is asked. Both are nil if there are none.
	plugin *policy
	canary *canary
	shadow *shadow
	// shadowing is set for a shadow's own policy.
	shadowing *shadow
}

// newPolicy makes a policy that has no module yet. The role is that of a second module in a plugin; empty for
// the first.
func newPolicy(logger klog.Logger, h *Host, name, role string, args *v1alpha1.WasmPluginArgs, handle fwk.Handle, store *snapshot.Store) *policy {
	id := name
	if role != "" {
		id, logger = name+"/"+role, logger.WithValues("role", role)
	}
	p := &policy{
		name: name, id: id, role: role, args: args, host: h, handle: handle, store: store,
		logger:       logger,
		ignoreFaults: args.FailurePolicy == v1alpha1.FailurePolicyIgnore && args.Mode != v1alpha1.ModeMonitor,
		monitored:    args.Mode == v1alpha1.ModeMonitor,
		deadline:     args.Limits.Deadline.Duration,
		filterKey:    fwk.StateKey("stowage/filter/" + id), scoreKey: fwk.StateKey("stowage/score/" + id),
		bindKey: fwk.StateKey("stowage/bind/" + id),
		data:    shareddata.New(0), born: time.Now(),
		metrics: metrics.For(handle.ProfileName(), id), loading: metrics.LoadingOf(handle.ProfileName(), id), shown: &shown{},
	}
	p.waker.activate, p.waker.review = p.tryAgain, func() { p.reviewWaiting(context.Background()) }
	p.rejections.alive = p.unplaced
	p.breaker = breaker.New(breaker.Options{
		Faults: int(*args.CircuitBreaker.Faults), Window: args.CircuitBreaker.Window.Duration,
		Backoff: args.CircuitBreaker.Backoff.Duration, MaxBackoff: args.CircuitBreaker.MaxBackoff.Duration,
		Changed: p.breakerChanged,
	})
	return p
}

// close ends loading, and the module's guests once their calls have ended.
func (p *policy) close() (err error) {
	if p.canary != nil {
		defer func() { err = errors.Join(err, p.canary.close()) }()
	}
	if p.shadow != nil {
		defer func() { err = errors.Join(err, p.shadow.close()) }()
	}
	if p.stop == nil {
		return nil // it was not started
	}
	p.stop()
	p.loader.Wait()
	p.waker.close()
	if l := p.module.Load(); l != nil {
		p.retired.add(l.loaded)
	}
	return p.retired.closeAll()
}

// common is what every plugin has, whatever points its policy answers.
type common struct{ policy *policy }

// Name is the name that the operator gave the policy.
func (c common) Name() string { return c.policy.name }

// Close ends the policy's guests; calls that still run finish first.
func (c common) Close() error { return c.policy.close() }

// LoadError is why the policy has no working module; nil if it has one.
func (c common) LoadError() error {
	if c.policy.module.Load() != nil {
		return nil
	}
	return c.policy.missing()
}
