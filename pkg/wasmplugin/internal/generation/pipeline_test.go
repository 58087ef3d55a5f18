// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package generation_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// place is a source whose content the test sets.
type place struct {
	name string

	mu      sync.Mutex // guards what follows
	blob    *source.Blob
	err     error
	fetches int
	changed func()
}

func at(name, content string) *place {
	p := &place{name: name}
	p.put(content)
	return p
}

func (p *place) put(content string) {
	p.set(&source.Blob{Content: []byte(content), Stored: []byte(content), Version: digest(content)}, nil)
}

func (p *place) fail(err error) { p.set(nil, err) }

func (p *place) set(blob *source.Blob, err error) {
	p.mu.Lock()
	p.blob, p.err = blob, err
	changed := p.changed
	p.mu.Unlock()
	if changed != nil {
		changed()
	}
}

func (p *place) Fetch(_ context.Context, known string) (*source.Blob, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetches++
	if p.err == nil && p.blob.Version == known {
		return nil, source.ErrUnchanged
	}
	return p.blob, p.err
}

func (p *place) Watch(ctx context.Context, changed func()) {
	p.mu.Lock()
	p.changed = changed
	p.mu.Unlock()
	changed()
	<-ctx.Done()
}

func (p *place) String() string { return p.name }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// factory is a Maker: of modules that begin with "bad" it makes nothing, and of those that begin with "later" only
// at the third try.
type factory struct {
	mu   sync.Mutex // guards made
	made []string
	now  int
	late int
}

var errBad, errLater = errors.New("the module is bad"), errors.New("there is no memory now")

func (f *factory) Make(_ context.Context, c *generation.Candidate, enter func(generation.State)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.Number != f.now+1 {
		return fmt.Errorf("the candidate is number %d after generation %d", c.Number, f.now)
	}
	module := string(c.Module)
	switch {
	case strings.HasPrefix(module, "bad"):
		return errBad
	case strings.HasPrefix(module, "restart"):
		return fmt.Errorf("it %w", generation.ErrRestart)
	case strings.HasPrefix(module, "later"):
		if f.late++; f.late < 3 {
			return errLater
		}
	}
	enter(generation.Warming)
	f.now = c.Number
	f.made = append(f.made, module+" "+string(c.Config))
	return nil
}

func (f *factory) Temporary(err error) bool { return errors.Is(err, errLater) }

// running is a pipeline at work.
type running struct {
	pipeline *generation.Pipeline
	*testing.T
	maker *factory
	*reports
}

// reports is the problems that were reported.
type reports struct {
	mu       sync.Mutex // guards problems
	problems []string
}

func run(t *testing.T, opts generation.Options) *running {
	t.Helper()
	r := &running{T: t, maker: &factory{}, reports: &reports{}}
	opts.Retry, opts.Parse = time.Millisecond, config.ParseConfig
	if opts.Fixed == nil {
		opts.Fixed = []byte("{}")
	}
	opts.Report = func(_ generation.Status, problem error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if problem != nil {
			r.problems = append(r.problems, problem.Error())
		}
	}
	r.pipeline = generation.New(r.maker, opts)
	if got := r.pipeline.Status().State; got != generation.Pending {
		t.Errorf("before it runs the state is %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tried, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		r.pipeline.Run(ctx, func() { close(tried) })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	<-tried
	return r
}

// summary is what matters of a status: state, active generation and module, reason.
func summary(s generation.Status) string {
	out := string(s.State)
	if s.Active != nil {
		out += fmt.Sprintf(" %d %.4s", s.Active.Generation, s.Active.Digest)
		if s.Active.Remembered {
			out += " remembered"
		}
	}
	if s.Reason != "" {
		out += " " + s.Reason
	}
	return out
}

func (r *running) want(format string, args ...any) {
	r.Helper()
	want := fmt.Sprintf(format, args...)
	got := summary(r.pipeline.Status())
	for end := time.Now().Add(10 * time.Second); got != want && time.Now().Before(end); got = summary(r.pipeline.Status()) {
		time.Sleep(time.Millisecond)
	}
	if got != want {
		r.Fatalf("status is %q (%s), want %q", got, r.pipeline.Status().Problem, want)
	}
}

func (r *running) wantMade(want ...string) {
	r.Helper()
	r.maker.mu.Lock()
	defer r.maker.mu.Unlock()
	if diff := cmp.Diff(want, r.maker.made); diff != "" {
		r.Errorf("generations (-want,+got):\n%s", diff)
	}
}

func short(s string) string { return digest(s)[:4] }

// Whatever is wrong with a candidate, what works stays; and what works, again, is no new generation.
func TestBadCandidatesChangeNothing(t *testing.T) {
	signed := func(b *source.Blob) ([]string, error) {
		if strings.HasSuffix(string(b.Stored), "unsigned") {
			return nil, errors.New("nobody signed it")
		}
		return []string{"somebody"}, nil
	}
	module, config := at("module", "good"), at("config", "a: 1")
	r := run(t, generation.Options{Module: module, Config: config, Verify: signed})
	r.want("Active 1 %s", short("good"))
	for name, tc := range map[string]struct {
		do     func()
		reason string
	}{
		"broken":            {func() { module.put("bad") }, "module"},
		"unsigned":          {func() { module.put("unsigned") }, "signature"},
		"unreachable":       {func() { module.fail(errors.New("no route")) }, "fetch"},
		"needs a restart":   {func() { module.put("restart") }, "restart"},
		"config is a list":  {func() { config.put("[]") }, "config"},
		"config is no YAML": {func() { config.put("a: {") }, "config"},
		"config twice":      {func() { config.put("a: 1\na: 2") }, "config"},
		"config is gone":    {func() { config.fail(errors.New("not found")) }, "fetch"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &running{r.pipeline, t, r.maker, r.reports}
			tc.do()
			state := "Rejected"
			if tc.reason == "fetch" {
				state = "Active"
			}
			r.want("%s 1 %s %s", state, short("good"), tc.reason)
			module.put("good")
			config.put("a: 1")
			r.want("Active 1 %s", short("good"))
		})
	}
	r.wantMade(`good {"a":1}`)
	config.put(`{"a": 2}`)
	r.want("Active 2 %s", short("good"))
	module.put("better")
	r.want("Active 3 %s", short("better"))
	r.wantMade(`good {"a":1}`, `good {"a": 2}`, `better {"a": 2}`)
	if diff := cmp.Diff([]string{"somebody"}, r.pipeline.Status().Active.Signers); diff != "" {
		t.Errorf("signers (-want,+got):\n%s", diff)
	}
}

func TestDigestPins(t *testing.T) {
	const image = "sha256:" + "1111111111111111111111111111111111111111111111111111111111111111"
	for name, tc := range map[string]struct {
		manifest, digest, want string
	}{
		"module":           {"", "sha256:" + digest("good"), "Active 1 " + short("good")},
		"other module":     {"", "sha256:" + digest("other"), "Rejected digest"},
		"manifest":         {image, image, "Active 1 " + short("good")},
		"not the manifest": {image, "sha256:" + digest("good"), "Rejected digest"},
	} {
		t.Run(name, func(t *testing.T) {
			module := at("module", "")
			module.set(&source.Blob{Content: []byte("good"), Version: "1", Manifest: tc.manifest}, nil)
			run(t, generation.Options{Module: module, Digest: tc.digest}).want("%s", tc.want)
		})
	}
}

// What may pass is tried again; what the content is to blame for is not, until that changes.
func TestRetries(t *testing.T) {
	module := at("module", "later")
	r := run(t, generation.Options{Module: module})
	r.want("Active 1 %s", short("later"))
	module.fail(errors.New("no route"))
	r.want("Active 1 %s fetch", short("later"))
	before := module.count()
	for module.count() < before+3 {
		time.Sleep(time.Millisecond)
	}
	module.put("bad")
	r.want("Rejected 1 %s module", short("later"))
	before = module.count()
	time.Sleep(50 * time.Millisecond)
	if got := module.count(); got != before {
		t.Errorf("a bad module was fetched %d times more", got-before)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	want := []string{"module: " + errLater.Error(), "the module cannot be fetched: no route", "module: " + errBad.Error()}
	if diff := cmp.Diff(want, r.problems); diff != "" {
		t.Errorf("problems that were reported (-want,+got):\n%s", diff)
	}
}

func (p *place) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// Whatever comes in whatever order, what runs is the last good candidate once everything is quiet.
func TestAnyOrder(t *testing.T) {
	module := at("module", "first")
	r := run(t, generation.Options{Module: module})
	good, number := "first", 1
	r.want("Active 1 %s", short(good))
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for i := range 300 {
		switch random.IntN(4) {
		case 0:
			module.put(fmt.Sprint("bad ", i))
			r.want("Rejected %d %s module", number, short(good))
		case 1:
			module.fail(fmt.Errorf("error %d", i))
			r.want("Active %d %s fetch", number, short(good))
		case 2:
			module.put(good)
			r.want("Active %d %s", number, short(good))
		default:
			good, number = fmt.Sprint("good ", i), number+1
			module.put(good)
			r.want("Active %d %s", number, short(good))
		}
	}
}
