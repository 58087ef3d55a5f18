// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
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
	l := &loaded{number: 1, digest: report.Digest}
	module, err := p.compile(ctx, metered, l)
	if err != nil {
		return nil, err
	}
	if err := p.populate(ctx, l, module); err != nil {
		return nil, errors.Join(err, l.close(ctx))
	}
	return l, nil
}

// compile compiles one module at a time: what one may take is bounded, what many take together
// is not.
func (p *policy) compile(ctx context.Context, metered []byte, l *loaded) (*engine.Module, error) {
	p.host.compiling.Lock()
	defer p.host.compiling.Unlock()
	return engine.Compile(ctx, metered, engine.Options{
		Memory: p.args.Limits.Memory.Value(), Budget: p.host.memory,
		Services: p.services(l), Granted: p.args.Capabilities,
	})
}

// verification is what the policy's module is held to.
func (p *policy) verification() verify.Options {
	limits := verify.DefaultLimits()
	limits.ModuleBytes = int(p.args.Limits.ModuleSize.Value())
	limits.MemoryPages = uint32(p.args.Limits.Memory.Value() >> 16)
	opts := verify.Options{Limits: limits, Granted: p.args.Capabilities}
	if hostcall.Granted(abi.CapabilityObjects, p.args.Capabilities) {
		// Some resource is granted. Which one the policy may read is known when it has said which it wants.
		opts.Granted = append(slices.Clone(opts.Granted), abi.CapabilityObjects)
	}
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

// services is what a module's guests reach in the host.
func (p *policy) services(l *loaded) *hostcall.Services {
	log, events := &p.args.Limits.Log, &p.args.Limits.Events
	return hostcall.NewServices(hostcall.Options{
		Log: logTo(p.logger), Count: p.metrics.Count, Gauge: p.metrics.Gauge, Dropped: p.metrics.Dropped,
		Event:  p.guestEvent,
		Used:   func(source int, account, resource string) (int64, bool) { return p.used(l, source, account, resource) },
		Object: l.object, Waiting: p.countWaiting, Allow: p.allowWaiting, Reject: p.rejectWaiting,
		Wake:    func(subject any, after time.Duration) { p.wake(subject.(*v1.Pod), after) },
		DataGet: p.data.Get, DataSet: p.data.Set,
		Limits: hostcall.Limits{
			LogLines: float64(*log.LinesPerSecond), LogBurst: int(*log.Burst), LogBytes: int(log.LineSize.Value()),
			Events: float64(*events.PerMinute), EventBurst: int(*events.Burst),
		},
	})
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
	if err == nil {
		err = p.use(ctx, l)
	}
	switch {
	case errors.Is(err, errUnchanged):
		return false
	case err != nil:
		p.problem.Store(&err)
		p.logger.Error(err, "Policy cannot be loaded; its failurePolicy decides about pods meanwhile", "failurePolicy", p.args.FailurePolicy)
		return false
	}
	return true
}

// use makes a module the one that new attempts ask, or closes it.
func (p *policy) use(ctx context.Context, l *loaded) error {
	p.store.Require(l.about.Reads)
	if l.about.Reads&abi.NodeTable != 0 {
		p.host.tables.Store(true)
	}
	p.metrics.Instances(l.size())
	if err := p.activate(l); err != nil {
		return errors.Join(err, l.close(ctx))
	}
	p.logger.Info("Loaded policy", "profile", p.handle.ProfileName(), "path", p.args.Module.File.Path, "generation", l.number,
		"module", l.digest, "producer", l.about.Producer, "mode", p.args.Mode, "failurePolicy", p.args.FailurePolicy)
	return nil
}

// missing is the failure of a policy without a module. It does not wrap why there is none: that
// may be a guest's fault, but it is not the fault of this attempt.
func (p *policy) missing() error {
	if err := p.problem.Load(); err != nil {
		// It goes into events, which have no lines.
		return fmt.Errorf("%w: %s", errMissing, strings.ReplaceAll((*err).Error(), "\n", "; "))
	}
	return errMissing
}
