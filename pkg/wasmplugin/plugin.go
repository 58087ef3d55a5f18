// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/breaker"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/metrics"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/preemption"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/shareddata"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// policy is one configured policy in one profile. It holds nothing of a cycle: that is in the
// CycleState.
type policy struct {
	name   string
	args   *v1alpha1.WasmPluginArgs
	host   *Host
	handle fwk.Handle
	store  *snapshot.Store
	logger klog.Logger

	ignoreFaults, monitored bool
	// deadline is how long guests may run in one attempt.
	deadline            time.Duration
	filterKey, scoreKey fwk.StateKey

	metrics *metrics.Policy
	breaker *breaker.Breaker
	// subject is the pod that the breaker's latest news can be told about.
	subject atomic.Pointer[v1.Pod]

	// module is what new attempts ask; nil until one could be loaded.
	module atomic.Pointer[loaded]
	// problem is why the latest try to load one failed.
	problem atomic.Pointer[error]
	// refused is the digest of the module that failed to load and will again; it belongs to the
	// goroutine that loads.
	refused [sha256.Size]byte
	// stop ends loading, which runs on a goroutine of its own.
	stop    context.CancelFunc
	loading sync.WaitGroup

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

	exposing sync.Mutex // guards exposed, and module against it
	// exposed is the points that the framework can call; 0 before it was shown any.
	exposed abi.Points
}

// newPolicy makes a policy that has no module yet.
func newPolicy(ctx context.Context, h *Host, name string, args *v1alpha1.WasmPluginArgs, handle fwk.Handle, store *snapshot.Store) *policy {
	p := &policy{
		name: name, args: args, host: h, handle: handle, store: store,
		logger:       klog.FromContext(ctx).WithName(name).WithValues("policy", name),
		ignoreFaults: args.FailurePolicy == v1alpha1.FailurePolicyIgnore && args.Mode != v1alpha1.ModeMonitor,
		monitored:    args.Mode == v1alpha1.ModeMonitor,
		deadline:     args.Limits.Deadline.Duration,
		filterKey:    fwk.StateKey("stowage/filter/" + name), scoreKey: fwk.StateKey("stowage/score/" + name),
		bindKey: fwk.StateKey("stowage/bind/" + name),
		data:    shareddata.New(0),
		metrics: metrics.For(handle.ProfileName(), name),
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
func (p *policy) close() error {
	p.stop()
	p.loading.Wait()
	p.waker.close()
	if l := p.module.Load(); l != nil {
		return l.close(context.Background())
	}
	return nil
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
	if problem := c.policy.problem.Load(); problem != nil {
		return *problem
	}
	return errMissing
}
