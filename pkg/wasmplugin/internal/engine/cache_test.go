// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// codes is a cache in memory.
type codes struct {
	t     *testing.T
	files map[[sha256.Size]byte]map[string][]byte
	// harm, if not nil, is done to a directory after it was filled.
	harm   func(dir string)
	closed bool
	// stages are the directories that were handed out, stored and told are how often.
	stages       []string
	stored, told int
}

func newCodes(t *testing.T) *codes {
	t.Helper()
	return &codes{t: t, files: map[[sha256.Size]byte]map[string][]byte{}}
}

func (c *codes) Stage() (string, bool) {
	dir, err := os.MkdirTemp(c.t.TempDir(), "stage-")
	c.stages = append(c.stages, dir)
	return dir, err == nil && !c.closed
}

func (c *codes) Load(key [sha256.Size]byte, dir string) {
	for name, b := range c.files[key] {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			c.t.Error(err)
		}
	}
	if c.harm != nil {
		c.harm(dir)
	}
}

func (c *codes) Store(key [sha256.Size]byte, path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		c.t.Error(err)
	}
	c.stored++
	if c.files[key] == nil {
		c.files[key] = map[string][]byte{}
	}
	c.files[key][filepath.Base(path)] = b
}

func (c *codes) Report(error) { c.told++ }

// change replaces the content of all that is stored.
func (c *codes) change(b func([]byte) []byte) {
	for _, files := range c.files {
		for name, old := range files {
			files[name] = b(old)
		}
	}
}

func (c *codes) want(stored, told int) {
	c.t.Helper()
	if c.stored != stored || c.told != told {
		c.t.Errorf("%d files were stored and %d problems reported, want %d and %d", c.stored, c.told, stored, told)
	}
	for _, dir := range c.stages {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) && !c.closed {
			c.t.Errorf("%s is still there: %v", dir, err)
		}
	}
}

// ask is what a policy's Filter says that should say the number.
func (c *codes) ask(number uint32) uint32 {
	c.t.Helper()
	inst := instantiate(c.t, compile(c.t, saying(number), engine.Options{Cache: c}))
	got, err := inst.Call(c.t.Context(), abi.ExportFilter)
	if err != nil {
		c.t.Fatal(err)
	}
	return got
}

func saying(number uint32) []byte {
	return wt.NewPolicy().Body(abi.ExportFilter, wt.Const(number)).Bytes()
}

// The code of one module in place of another's shows that code is loaded rather than compiled. It is
// also why entries need to be protected.
func TestCodeIsLoaded(t *testing.T) {
	c := newCodes(t)
	first := c.ask(1)
	var code []byte
	c.change(func(b []byte) []byte { code = b; return b })
	second := c.ask(2)
	c.want(2, 0)
	c.change(func([]byte) []byte { return code })
	if diff := cmp.Diff([]uint32{1, 2, 1, 1}, []uint32{first, second, c.ask(1), c.ask(2)}); diff != "" {
		t.Errorf("(-want,+got):\n%s", diff)
	}
	c.want(2, 0)
}

// A cache must not be why a module cannot be used.
func TestUselessCache(t *testing.T) {
	same := func(b []byte) []byte { return b }
	for name, tc := range map[string]struct {
		change       func([]byte) []byte
		harm         func(dir string)
		closed       bool
		stored, told int
	}{
		"no stage":          {change: same, closed: true},
		"directory is gone": {change: same, harm: func(dir string) { _ = os.RemoveAll(dir) }, told: 2},
		"directory is a file": {
			change: same, harm: func(dir string) { _ = errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)) }, told: 2,
		},
		"file is a directory":        {change: same, harm: replaceByDirectories, stored: 2, told: 2},
		"code is garbage":            {change: func([]byte) []byte { return []byte("garbage") }, stored: 2, told: 2},
		"code is empty":              {change: func([]byte) []byte { return nil }, stored: 2, told: 2},
		"code is cut":                {change: func(b []byte) []byte { return b[:len(b)/2] }, stored: 2, told: 2},
		"code is of another version": {change: func(b []byte) []byte { b[7] ^= 1; return b }, stored: 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCodes(t)
			if got := c.ask(7); got != 7 {
				t.Errorf("without harm it said %d, want 7", got)
			}
			c.harm, c.closed = tc.harm, tc.closed
			for range 2 {
				c.change(tc.change)
				if got := c.ask(7); got != 7 {
					t.Errorf("it said %d, want 7", got)
				}
			}
			c.want(1+tc.stored, tc.told)
		})
	}
}

// replaceByDirectories makes all files of a directory unreadable in a way that also root notices.
func replaceByDirectories(dir string) {
	list, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, path := range list {
		_ = os.Remove(path)
		_ = os.Mkdir(path, 0o700)
	}
}

// What is wrong with a module is said as it is without a cache, and nobody is told of the cache.
func TestCacheDoesNotHideErrors(t *testing.T) {
	bad := wt.NewPolicy().Body(abi.ExportFilter, wt.Add()).Bytes()
	_, want := engine.Compile(t.Context(), bad, engine.Options{})
	c := newCodes(t)
	_, err := engine.Compile(t.Context(), bad, engine.Options{Cache: c})
	if want == nil || !errors.Is(err, engine.ErrModule) || err.Error() != want.Error() {
		t.Errorf("error is %v, want %v", err, want)
	}
	c.want(0, 0)
}
