// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// loaded is a module that works: verified, metered, compiled and with its guests made.
type loaded struct {
	// number counts what the policy has loaded, from 1.
	number int
	// digest of the module's bytes.
	digest string
	pool   *guest.Pool
	about  guest.Description
}

// errUnchanged is a module that was tried before.
var errUnchanged = errors.New("the module has not changed since it failed to load")

// load goes from args to guests.
func (p *policy) load(ctx context.Context) (*loaded, error) {
	path := p.args.Module.File.Path
	binary, err := source.File(path, p.args.Limits.ModuleSize.Value())
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(binary)
	if digest == p.refused {
		return nil, errUnchanged
	}
	l, err := p.build(ctx, binary)
	if err != nil {
		if !temporary(err) {
			p.refused = digest
		}
		return nil, fmt.Errorf("module %q: %w", path, err)
	}
	return l, nil
}

// temporary tells whether the same module might load next time: there may be more memory then,
// or time.
func temporary(err error) bool {
	for _, kind := range []error{engine.ErrMemory, engine.ErrDeadline, guest.ErrBusy} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func (p *policy) build(ctx context.Context, binary []byte) (*loaded, error) {
	report, err := verify.Check(binary, p.verification())
	if err != nil {
		return nil, err
	}
	metered, err := meter.Inject(binary)
	if err != nil {
		return nil, err
	}
	if err := verify.CheckMetered(metered, p.verification().Limits); err != nil {
		return nil, err
	}
	module, err := p.compile(ctx, metered)
	if err != nil {
		return nil, err
	}
	pool, err := guest.NewPool(ctx, module, p.guests())
	if err != nil {
		return nil, errors.Join(err, module.Close(ctx))
	}
	l := &loaded{number: 1, digest: report.Digest, pool: pool, about: pool.Describe()}
	if err := errors.Join(p.permit(l.about), pool.Warm(ctx)); err != nil {
		return nil, errors.Join(err, pool.Close(ctx))
	}
	return l, nil
}

// compile compiles one module at a time: what one may take is bounded, what many take together
// is not.
func (p *policy) compile(ctx context.Context, metered []byte) (*engine.Module, error) {
	p.host.compiling.Lock()
	defer p.host.compiling.Unlock()
	return engine.Compile(ctx, metered, engine.Options{
		Memory: p.args.Limits.Memory.Value(), Budget: p.host.memory,
		Services: p.services(), Granted: p.args.Capabilities,
	})
}

// verification is what the policy's module is held to.
func (p *policy) verification() verify.Options {
	limits := verify.DefaultLimits()
	limits.ModuleBytes = int(p.args.Limits.ModuleSize.Value())
	limits.MemoryPages = uint32(p.args.Limits.Memory.Value() >> 16)
	opts := verify.Options{Limits: limits, Granted: p.args.Capabilities}
	for _, f := range hostcall.Table() {
		opts.Imports = append(opts.Imports, verify.Import{
			Module: f.Module, Name: f.Name, Capability: f.Capability, Params: valTypes(f.Params), Results: valTypes(f.Results),
		})
	}
	return opts
}

func valTypes(types []hostcall.Type) (out []wasm.ValType) {
	for _, t := range types {
		out = append(out, wasm.ValType(t))
	}
	return out
}

// services is what the policy's guests reach in the host.
func (p *policy) services() *hostcall.Services {
	log, events := &p.args.Limits.Log, &p.args.Limits.Events
	return hostcall.NewServices(hostcall.Options{
		Log: logTo(p.logger), Count: p.metrics.Count, Gauge: p.metrics.Gauge, Dropped: p.metrics.Dropped,
		Event: p.guestEvent,
		Limits: hostcall.Limits{
			LogLines: float64(*log.LinesPerSecond), LogBurst: int(*log.Burst), LogBytes: int(log.LineSize.Value()),
			Events: float64(*events.PerMinute), EventBurst: int(*events.Burst),
		},
	})
}

func (p *policy) guests() guest.Options {
	limits := &p.args.Limits
	size := int(*limits.Instances)
	if size == 0 {
		size = runnable()
	}
	opts := guest.Options{Config: p.args.Config.Raw, Size: size}
	opts.Limits = guest.DefaultLimits
	opts.Limits.PerCall, opts.Limits.PerNode = *limits.Fuel.PerCall, *limits.Fuel.PerNode
	opts.Limits.State = int(limits.ResultSize.Value())
	return opts
}

// runnable is how many guests can be in a call at the same time: one for each worker of the
// framework that has a CPU, because running Wasm is not preempted.
func runnable() int {
	const parallelism = 16 // the framework's default
	return min(goruntime.GOMAXPROCS(0), parallelism)
}

// sensitive is the parts of nodes that a policy must be granted.
var sensitive = []struct {
	part       abi.Parts
	capability string
}{
	{abi.NodeAnnotations, abi.CapabilityNodeAnnotations},
	{abi.NodePods, abi.CapabilityNodePods},
}

// permit tells whether the policy may read what it says it reads.
func (p *policy) permit(about guest.Description) (err error) {
	for _, s := range sensitive {
		if about.Reads&s.part != 0 && !slices.Contains(p.args.Capabilities, s.capability) {
			err = errors.Join(err, fmt.Errorf("%w: it reads %s, which needs capability %q: add it to capabilities in the policy's args",
				engine.ErrModule, s.capability, s.capability))
		}
	}
	return err
}

// start loads the module. It waits for that, but not for long: compiling can take a while, and
// whoever makes modules must not hold up the scheduler's start. If there is no module by then it
// goes on in the background, and loading is tried again, until the context ends or the policy is
// closed.
func (p *policy) start(ctx context.Context) {
	ctx, p.stop = context.WithCancel(ctx)
	tried := make(chan struct{})
	p.loading.Go(func() {
		done := p.try(ctx)
		close(tried)
		if !done {
			p.keepTrying(ctx)
		}
	})
	select {
	case <-tried:
	case <-time.After(p.host.patience):
		p.logger.Info("Policy takes long to load; its failurePolicy decides about pods meanwhile", "failurePolicy", p.args.FailurePolicy)
	}
}

const (
	retryFirst = 2 * time.Second
	retryMost  = 5 * time.Minute
)

func (p *policy) keepTrying(ctx context.Context) {
	backoff := wait.Backoff{Duration: p.host.retry, Factor: 2, Jitter: 0.1, Steps: 20, Cap: retryMost}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff.Step()):
		}
		if p.try(ctx) {
			return
		}
	}
}

// try loads the module, unless it is the same that failed before and would fail again. It is
// called by one goroutine at a time.
func (p *policy) try(ctx context.Context) bool {
	l, err := p.load(ctx)
	switch {
	case errors.Is(err, errUnchanged):
		return false
	case err != nil:
		p.problem.Store(&err)
		p.logger.Error(err, "Policy cannot be loaded; its failurePolicy decides about pods meanwhile", "failurePolicy", p.args.FailurePolicy)
		return false
	}
	p.use(l)
	return true
}

// use makes a module the one that new attempts ask.
func (p *policy) use(l *loaded) {
	p.store.Require(l.about.Reads)
	if l.about.Reads&abi.NodeTable != 0 {
		p.host.tables.Store(true)
	}
	p.metrics.Instances(l.pool.Size())
	p.module.Store(l)
	p.logger.Info("Loaded policy", "profile", p.handle.ProfileName(), "path", p.args.Module.File.Path, "generation", l.number,
		"module", l.digest, "producer", l.about.Producer, "mode", p.args.Mode, "failurePolicy", p.args.FailurePolicy)
}

// missing is the failure of a policy without a module. It does not wrap why there is none: that
// may be a guest's fault, but it is not the fault of this attempt.
func (p *policy) missing() error {
	if err := p.problem.Load(); err != nil {
		return fmt.Errorf("%w: %v", errMissing, *err) //nolint:errorlint // see above
	}
	return errMissing
}
