// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package generation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

const (
	// retryFirst and retryMost are how long to wait before a candidate is tried again that was rejected for what
	// may pass; it doubles.
	retryFirst = 2 * time.Second
	retryMost  = 5 * time.Minute
	// sourcePatience is how long to wait for a source when the scheduler starts, if there is something that worked
	// before.
	sourcePatience = 5 * time.Second
)

// Options of a Pipeline.
type Options struct {
	// Module is where the module comes from, and Config the config; without Config it is Fixed.
	Module, Config source.Source
	Fixed          []byte
	// Parse, if not nil, makes JSON of what Config has, or says what is wrong with it.
	Parse func([]byte) ([]byte, error)
	// Digest pins the OCI manifest, or the module where there is none: sha256:<hex>. Empty pins nothing.
	Digest string
	// Verify, if not nil, checks the blob's signatures and returns whose they are.
	Verify func(*source.Blob) (signers []string, err error)
	// Memory, if not nil, keeps what worked last.
	Memory Memory
	// Report, if not nil, is told of each candidate that became active, and of each new problem. It is called
	// by Run.
	Report func(now Status, problem error)
	// Retry is how long to wait before the first retry; it defaults to 2 seconds.
	Retry time.Duration
	// Now defaults to time.Now.
	Now func() time.Time
}

// Pipeline brings the candidates of a policy into service.
type Pipeline struct {
	opts  Options
	maker Maker
	kick  chan struct{}

	// What follows belongs to Run.

	// seen is the versions of the content that was worked on last, and is not worth working on again.
	seen versions
	// number is that of the active generation.
	number int

	mu     sync.Mutex // guards what follows
	status Status
}

// versions tells content of both sources from other content.
type versions struct{ module, config string }

// New makes a Pipeline that does nothing before Run.
func New(maker Maker, opts Options) *Pipeline {
	opts.Retry = cmp.Or(opts.Retry, retryFirst)
	if opts.Report == nil {
		opts.Report = func(Status, error) {}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Pipeline{
		opts: opts, maker: maker, kick: make(chan struct{}, 1),
		status: Status{State: Pending, Since: opts.Now(), Source: opts.Module.String()},
	}
}

// Run works until the context is done. It calls tried once, after the first try, whatever came of it.
func (p *Pipeline) Run(ctx context.Context, tried func()) {
	var watching sync.WaitGroup
	defer watching.Wait()
	for _, s := range []source.Source{p.opts.Module, p.opts.Config} {
		if s != nil {
			watching.Go(func() { s.Watch(ctx, p.changed) })
		}
	}
	settled := p.begin(ctx)
	tried()
	backoff := p.backoff()
	for {
		var again <-chan time.Time
		if settled {
			backoff = p.backoff()
		} else {
			again = time.After(backoff.Step())
		}
		select {
		case <-ctx.Done():
			return
		case <-p.kick:
		case <-again:
		}
		settled = p.try(ctx)
	}
}

func (p *Pipeline) backoff() *wait.Backoff {
	return &wait.Backoff{Duration: p.opts.Retry, Factor: 2, Jitter: 0.2, Steps: 20, Cap: retryMost}
}

// changed has Run look at the sources.
func (p *Pipeline) changed() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// begin is the first try. If the source is out of reach, or has what does not work, it takes what worked last.
func (p *Pipeline) begin(ctx context.Context) (settled bool) {
	remembered := p.recall()
	if remembered == nil {
		return p.try(ctx)
	}
	soon, cancel := context.WithTimeout(ctx, sourcePatience)
	defer cancel()
	f, err := p.fetch(soon)
	if err == nil {
		f.fallback = true
		err = p.work(ctx, f)
	}
	settled = p.settle(err)
	if p.Status().Active == nil {
		if err := p.work(ctx, remembered); err != nil {
			p.rejected(err)
		}
	}
	return settled
}

// try takes what the sources have now as far as it comes. It is settled if there is nothing to do before
// they change.
func (p *Pipeline) try(ctx context.Context) (settled bool) {
	f, err := p.fetch(ctx)
	switch {
	case errors.Is(err, source.ErrUnchanged):
		return true
	case err == nil:
		err = p.work(ctx, f)
	}
	if err != nil && ctx.Err() != nil {
		return true // it was given up
	}
	return p.settle(err)
}

func (p *Pipeline) settle(err error) bool {
	if err == nil {
		return true
	}
	p.rejected(err)
	// A signature may be attached later to what an OCI registry has, without another version.
	if errors.Is(err, ErrFetch) || errors.Is(err, ErrSignature) || p.maker.Temporary(err) {
		p.seen = versions{}
		return false
	}
	return true
}

// work takes what was fetched through all other stages.
func (p *Pipeline) work(ctx context.Context, f *fetched) error {
	p.enter(Verifying)
	c, err := p.check(f)
	if err != nil {
		return fmt.Errorf("%s: %w", p.opts.Module, err)
	}
	if p.runs(c) {
		p.activeAgain()
		p.remember(f, c.Config)
		return nil
	}
	p.update(func(s *Status) { s.State, s.Candidate = Compiling, c.Digest })
	if err := p.maker.Make(ctx, c, p.enter); err != nil {
		return fmt.Errorf("%s: %w", c.Origin, err)
	}
	p.number = c.Number
	p.activated(c)
	if !c.Remembered {
		p.remember(f, c.Config)
	}
	return nil
}

// runs tells whether the candidate is what runs already: another version of the same.
func (p *Pipeline) runs(c *Candidate) bool {
	now := p.Status().Active
	return now != nil && now.Digest == c.Digest && now.Manifest == c.Manifest && now.ConfigDigest == hexDigest(c.Config)
}

// activeAgain forgets a rejected candidate, because the source has what runs.
func (p *Pipeline) activeAgain() {
	now := p.update(func(s *Status) {
		s.State, s.Candidate, s.Problem, s.Reason = Active, "", "", ""
		active := *s.Active
		active.Remembered = false
		s.Active = &active
	})
	p.opts.Report(now, nil)
}

// fetched is what the sources had.
type fetched struct {
	module     *source.Blob
	config     []byte
	remembered bool
	// fallback is set if there is something remembered.
	fallback bool
}

// fetch reads the sources. The error is source.ErrUnchanged if there is nothing new, or wraps ErrFetch. While
// there may be nothing new the state stays Active.
func (p *Pipeline) fetch(ctx context.Context) (*fetched, error) {
	before := p.Status()
	if before.State != Active {
		p.enter(Fetching)
	}
	f, err := p.read(ctx)
	if errors.Is(err, source.ErrUnchanged) {
		p.update(func(s *Status) { s.State = before.State })
		p.update(func(s *Status) { s.Since = before.Since })
	}
	return f, err
}

func (p *Pipeline) read(ctx context.Context) (*fetched, error) {
	f, seen := &fetched{config: p.opts.Fixed}, versions{}
	known := p.seen.module
	if p.opts.Config != nil {
		config, err := p.opts.Config.Fetch(ctx, "")
		if err != nil {
			return nil, &fetchError{"the config", err}
		}
		f.config, seen.config = config.Content, config.Version
		if seen.config != p.seen.config {
			known = ""
		}
	}
	var err error
	if f.module, err = p.opts.Module.Fetch(ctx, known); errors.Is(err, source.ErrUnchanged) {
		return nil, err
	}
	if err != nil {
		return nil, &fetchError{theModule, err}
	}
	if seen.module = f.module.Version; seen == p.seen && seen.module != "" {
		return nil, source.ErrUnchanged
	}
	p.seen = seen
	return f, nil
}

const theModule = "the module"

// fetchError is an ErrFetch.
type fetchError struct {
	what string
	err  error
}

func (e *fetchError) Error() string {
	advice := ""
	if errors.Is(e.err, source.ErrTooLarge) && e.what == theModule {
		advice = "; make it smaller, or raise limits.moduleSize"
	}
	return e.what + " " + ErrFetch.Error() + ": " + e.err.Error() + advice
}

// Unwrap makes it both.
func (e *fetchError) Unwrap() []error { return []error{ErrFetch, e.err} }
