// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/hostcall"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasm"
)

// Make makes a generation of a candidate and swaps it in.
func (p *policy) Make(ctx context.Context, c *generation.Candidate, enter func(generation.State)) error {
	l, err := p.build(ctx, c, enter)
	if err != nil {
		return err
	}
	return p.use(l, c)
}

// Temporary tells whether the same module might load next time: there may be more memory then,
// or time.
func (p *policy) Temporary(err error) bool {
	for _, kind := range []error{engine.ErrMemory, engine.ErrDeadline, guest.ErrBusy} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func (p *policy) build(ctx context.Context, c *generation.Candidate, enter func(generation.State)) (*loaded, error) {
	metered, err := p.verified(c)
	if err != nil {
		return nil, err
	}
	l := &loaded{number: c.Number, digest: c.Digest, config: c.Config}
	module, err := p.compile(ctx, metered, l)
	if err != nil {
		return nil, err
	}
	enter(generation.Warming)
	if err = p.populate(ctx, l, module); err == nil && (p.module.Load() != nil || c.Fallback) {
		// There is something better than a module that breaks down. Without that its failures show where they
		// happen.
		err = p.selfTest(ctx, l)
	}
	if err != nil {
		return nil, errors.Join(err, l.close(ctx))
	}
	return l, nil
}

// verified is the module with meters, if it is one that may be compiled.
func (p *policy) verified(c *generation.Candidate) ([]byte, error) {
	options := p.verification()
	if _, err := verify.Check(c.Module, options); err != nil {
		return nil, err
	}
	version := fmt.Sprintf("meter %s, limits %+v", meter.Version, options.Limits)
	return p.host.cache.Metered("sha256:"+c.Digest, version, func() ([]byte, error) {
		metered, err := meter.Inject(c.Module)
		if err != nil {
			return nil, err
		}
		return metered, verify.CheckMetered(metered, options.Limits)
	})
}

// compile compiles one module at a time: what one may take is bounded, what many take together
// is not.
func (p *policy) compile(ctx context.Context, metered []byte, l *loaded) (*engine.Module, error) {
	p.host.compiling.Lock()
	defer p.host.compiling.Unlock()
	opts := engine.Options{
		Memory: p.args.Limits.Memory.Value(), Budget: p.host.memory,
		Services: p.services(l), Granted: p.args.Capabilities,
	}
	if p.host.cache != nil {
		opts.Cache = p.host.cache
	}
	return engine.Compile(ctx, metered, opts)
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

// use makes a module the one that new attempts ask, or closes it.
func (p *policy) use(l *loaded, c *generation.Candidate) error {
	// Before anything is done for it that stays.
	if err := p.mayActivate(l); err != nil {
		return errors.Join(err, l.close(context.Background()))
	}
	p.store.Require(l.about.Reads)
	if l.about.Reads&abi.NodeTable != 0 {
		p.host.tables.Store(true)
	}
	if err := p.activate(l); err != nil {
		return errors.Join(err, l.close(context.Background()))
	}
	p.metrics.Instances(l.size())
	p.logger.Info("Loaded policy", "profile", p.handle.ProfileName(), "source", c.Origin, "generation", l.number,
		"module", l.digest, "producer", l.about.Producer, "mode", p.args.Mode, "failurePolicy", p.args.FailurePolicy)
	return nil
}
