// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package generation_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/generation"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// shelf is a Memory.
type shelf struct {
	mu   sync.Mutex // guards what follows
	kept *generation.Remembered
	err  error
}

func (s *shelf) Recall(origin string) (*generation.Remembered, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil || s.kept.Origin != origin {
		return nil, s.err
	}
	return s.kept, s.err
}

func (s *shelf) Remember(r *generation.Remembered) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = r
	return s.err
}

func keeps(origin, content string) *shelf {
	return &shelf{kept: &generation.Remembered{Origin: origin, Module: &source.Blob{Content: []byte(content), Version: "old"}, Config: []byte("{old: 1}")}}
}

var errDown = errors.New("the registry is down")

// A scheduler that starts while the source is down takes what worked last, if it still may.
func TestStartWhileTheSourceIsDown(t *testing.T) {
	for name, tc := range map[string]struct {
		opts  generation.Options
		shelf *shelf
		want  string
	}{
		"worked before":                     {shelf: keeps("module", "good"), want: "Active 1 " + short("good") + " remembered fetch"},
		"nothing":                           {shelf: &shelf{}, want: "Fetching fetch"},
		"of another place":                  {shelf: keeps("elsewhere", "good"), want: "Fetching fetch"},
		"does not work any more":            {shelf: keeps("module", "bad"), want: "Fetching fetch"},
		"the operator now wants other":      {opts: generation.Options{Digest: "sha256:" + digest("other")}, shelf: keeps("module", "good"), want: "Fetching fetch"},
		"a memory that cannot be read":      {shelf: &shelf{err: errors.New("unreadable")}, want: "Fetching fetch"},
		"the operator now wants signatures": {opts: generation.Options{Verify: func(*source.Blob) ([]string, error) { return nil, errors.New("none") }}, shelf: keeps("module", "good"), want: "Fetching fetch"},
	} {
		t.Run(name, func(t *testing.T) {
			module := at("module", "")
			module.fail(errDown)
			tc.opts.Module, tc.opts.Memory = module, tc.shelf
			run(t, tc.opts).want("%s", tc.want)
		})
	}
}

// When the source is back, what it has counts; if that is what runs, there is nothing to do.
func TestSourceComesBack(t *testing.T) {
	for _, content := range []string{"good", "better"} {
		t.Run(content, func(t *testing.T) {
			module, kept := at("module", ""), keeps("module", "good")
			module.fail(errDown)
			r := run(t, generation.Options{Module: module, Memory: kept})
			r.want("Active 1 %s remembered fetch", short("good"))
			module.put(content)
			if content == "good" {
				r.want("Active 1 %s", short(content))
			} else {
				r.want("Active 2 %s", short(content))
			}
			kept.mu.Lock()
			defer kept.mu.Unlock()
			if got := string(kept.kept.Module.Content); got != content {
				t.Errorf("%q is remembered, want %q", got, content)
			}
		})
	}
}

// What worked last is also better than nothing if the source has something that does not work now.
func TestStartWithBadContent(t *testing.T) {
	module := at("module", "bad")
	r := run(t, generation.Options{Module: module, Memory: keeps("module", "good")})
	r.want("Active 1 %s remembered module", short("good"))
	module.put("better")
	r.want("Active 2 %s", short("better"))
}

// A config that comes from the args is the operator's current one.
func TestRememberedConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		config *place
		want   string
	}{
		"in the args": {nil, "good {}"},
		"of a source": {at("config", "{new: 1}"), `good {"old":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			module := at("module", "")
			module.fail(errDown)
			opts := generation.Options{Module: module, Memory: keeps("module", "good")}
			if tc.config != nil {
				opts.Config, opts.Memory = tc.config, keeps("module; config", "good")
			}
			r := run(t, opts)
			r.want("Active 1 %s remembered fetch", short("good"))
			r.wantMade(tc.want)
		})
	}
}

// That nothing can be remembered is said, and has no effect.
func TestMemoryThatDoesNotWork(t *testing.T) {
	r := run(t, generation.Options{Module: at("module", "good"), Memory: &shelf{err: errors.New("read-only")}})
	r.want("Active 1 %s", short("good"))
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.ContainsFunc(r.problems, func(p string) bool { return strings.Contains(p, "read-only") }) {
		t.Errorf("problems are %q, want one about the memory", r.problems)
	}
}
