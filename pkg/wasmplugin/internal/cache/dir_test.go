// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
)

// useless sees to it that a cache that does not work is told once, and in nobody's way.
func (h *harness) useless(kind error) {
	h.t.Helper()
	for range 3 {
		if _, ok := h.Stage(); ok {
			h.t.Error("there is a stage")
		}
		b, err := h.Metered("d", "1", func() ([]byte, error) { return []byte("m"), nil })
		if err != nil || string(b) != "m" {
			h.t.Errorf("Metered = %q, %v", b, err)
		}
		if err := h.PutModule(digest("m"), []byte("m")); !errors.Is(err, kind) {
			h.t.Errorf("PutModule: %v, want %v", err, kind)
		}
		if _, err := h.Module(digest("m")); !errors.Is(err, cache.ErrMissing) || !errors.Is(err, kind) {
			h.t.Errorf("Module: %v, want %v", err, kind)
		}
		if _, err := h.Record("p", "q"); !errors.Is(err, cache.ErrMissing) || !errors.Is(err, kind) {
			h.t.Errorf("Record: %v, want %v", err, kind)
		}
	}
	h.wantTold(1, kind)
}

func TestDirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	newHarnessIn(t, filepath.Join(file, "cache"), 0).useless(syscall.ENOTDIR)
}

func TestDirectoryThatIsNotOurs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	h := newHarness(t, 0)
	h.store(key("a"), "name", "code")
	if err := os.Chown(h.root(), 12345, -1); err != nil {
		t.Fatal(err)
	}
	h.useless(cache.ErrUnsafe)
}

func TestDirectoryThatIsALink(t *testing.T) {
	h := newHarness(t, 0)
	other := newHarness(t, 0)
	other.store(key("a"), "name", "code")
	if err := errors.Join(os.Mkdir(h.dir, 0o700), os.Symlink(other.root(), h.root())); err != nil {
		t.Fatal(err)
	}
	h.useless(cache.ErrUnsafe)
}

// What others could have written to is not used any more, and the cache begins anew.
func TestDirectoryThatWasOpen(t *testing.T) {
	for _, mode := range []os.FileMode{0o770, 0o707, 0o755, 0o777} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			h := newHarness(t, 0)
			h.store(key("a"), "name", "code")
			h.putModule("wasm")
			h.putRecord(record("p", "q", "wasm"))
			if err := os.Chmod(h.root(), mode); err != nil {
				t.Fatal(err)
			}
			if got := h.load(key("a")); len(got) > 0 {
				t.Errorf("loaded %v", got)
			}
			if _, err := h.Record("p", "q"); !errors.Is(err, cache.ErrMissing) {
				t.Errorf("Record: %v", err)
			}
			h.store(key("a"), "name", "code")
			if got := h.load(key("a")); got["name"] != "code" {
				t.Errorf("loaded %v after storing again", got)
			}
			h.wantTold(1, cache.ErrUnsafe)
		})
	}
}

// Nothing that the cache makes can be read by others.
func TestModes(t *testing.T) {
	h := newHarness(t, 0)
	h.store(key("a"), "name", "code")
	h.putModule("wasm")
	h.putRecord(record("p", "q", "wasm"))
	err := filepath.Walk(h.root(), func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The cache may vanish, as when a volume is replaced, and come back.
func TestDirectoryThatVanishes(t *testing.T) {
	h := newHarness(t, 0)
	h.store(key("a"), "name", "code")
	if err := os.RemoveAll(h.dir); err != nil {
		t.Fatal(err)
	}
	if got := h.load(key("a")); len(got) > 0 {
		t.Errorf("loaded %v", got)
	}
	h.store(key("a"), "name", "code")
	if got := h.load(key("a")); got["name"] != "code" {
		t.Errorf("loaded %v", got)
	}
	h.wantTold(0, nil)
}

// A failure is told again after it was over.
func TestTroubleIsToldOncePerFailure(t *testing.T) {
	h := newHarness(t, 0)
	for range 2 {
		if err := os.WriteFile(h.dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, ok := h.Stage(); ok {
				t.Error("there is a stage in a file")
			}
		}
		if err := os.Remove(h.dir); err != nil {
			t.Fatal(err)
		}
		h.store(key("a"), "name", "code")
		if err := os.RemoveAll(h.dir); err != nil {
			t.Fatal(err)
		}
	}
	h.wantTold(2, syscall.ENOTDIR)
}

// What a killed process left is removed by the next, unless it may still be in use.
func TestLeftovers(t *testing.T) {
	h := newHarness(t, 0)
	old, recent := h.stage(), h.stage()
	file := filepath.Join(h.root(), "tmp", "file-1")
	for _, path := range []string{file, filepath.Join(old, "half"), filepath.Join(recent, "half")} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	age(t, file, 2*time.Hour)
	age(t, old, 2*time.Hour)
	stage := newHarnessIn(t, h.dir, 0).stage()
	for path, want := range map[string]bool{file: false, old: false, recent: true, stage: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it to be there: %t", path, err, want)
		}
	}
}

func TestNilCache(t *testing.T) {
	var c *cache.Cache
	if dir, ok := c.Stage(); ok {
		t.Errorf("stage is %q", dir)
	}
	c.Load(key("a"), "")
	c.Store(key("a"), "")
	c.Report(nil)
	if b, err := c.Metered("d", "", func() ([]byte, error) { return []byte("m"), nil }); err != nil || string(b) != "m" {
		t.Errorf("Metered = %q, %v", b, err)
	}
	if _, err := c.Module(digest("m")); !errors.Is(err, cache.ErrMissing) {
		t.Errorf("Module: %v", err)
	}
	if _, err := c.Record("p", "q"); !errors.Is(err, cache.ErrMissing) {
		t.Errorf("Record: %v", err)
	}
	if err := errors.Join(c.PutModule(digest("m"), []byte("m"))); err == nil {
		t.Error("a module was kept nowhere")
	}
	if err := c.PutRecord(record("p", "q", "m")); err == nil {
		t.Error("a record was kept nowhere")
	}
}
