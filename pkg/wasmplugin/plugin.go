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
	lookups sync.Pool
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
		metrics: metrics.For(handle.ProfileName(), name),
	}
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
	if l := p.module.Load(); l != nil {
		return l.pool.Close(context.Background())
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

// SignPod declines: a policy may look at anything of a pod, so two pods are only alike to it
// if it says so, and version 1.0 of the ABI has no way to say it. Without this method the
// framework would give up batching for every pod of the profile.
func (c common) SignPod(context.Context, *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	return nil, unsigned
}

// The framework finds a plugin's extension points by its methods, so there is a type for each
// combination that a module may have.
type (
	filterPlugin struct {
		common
		filterPoints
	}
	scorePlugin struct {
		common
		scorePoints
	}
	filterScorePlugin struct {
		common
		filterPoints
		scorePoints
	}
)

const (
	filterMask = abi.PointPreFilter | abi.PointFilter
	scoreMask  = abi.PointPreScore | abi.PointScore | abi.PointNormalizeScore
)

// expose returns the policy as a plugin with the points that its module answers; with all of
// them if there is no module yet.
func (p *policy) expose() fwk.Plugin {
	points := filterMask | scoreMask
	if l := p.module.Load(); l != nil {
		points = l.about.Points
	}
	if p.monitored {
		return p.exposeMonitored(points)
	}
	c := common{p}
	switch filters, scores := points&filterMask != 0, points&scoreMask != 0; {
	case filters && scores:
		return &filterScorePlugin{c, filterPoints{p}, scorePoints{p}}
	case scores:
		return &scorePlugin{c, scorePoints{p}}
	}
	return &filterPlugin{c, filterPoints{p}}
}
