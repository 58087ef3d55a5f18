// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
)

// harness is a cache and what it told.
type harness struct {
	*cache.Cache
	t   *testing.T
	dir string

	mu   sync.Mutex
	told []error
}

func newHarness(t *testing.T, limit int64) *harness {
	t.Helper()
	return newHarnessIn(t, filepath.Join(t.TempDir(), "cache"), limit)
}

func newHarnessIn(t *testing.T, dir string, limit int64) *harness {
	t.Helper()
	h := &harness{t: t, dir: dir}
	h.Cache = cache.New(dir, cache.Options{Limit: limit, Trouble: func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, err)
	}})
	return h
}

// root is where the cache has its directories.
func (h *harness) root() string { return filepath.Join(h.dir, "stowage-v1") }

func (h *harness) wantTold(n int, kind error) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.told) != n {
		h.t.Errorf("%d problems were told, want %d: %v", len(h.told), n, h.told)
	}
	for _, err := range h.told {
		if kind != nil && !errors.Is(err, kind) {
			h.t.Errorf("%v was told, which is not %v", err, kind)
		}
	}
}

func key(s string) cache.Key { return sha256.Sum256([]byte(s)) }

// store stores a file as a compiler does.
func (h *harness) store(key cache.Key, name, content string) {
	h.t.Helper()
	dir := h.stage()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.Store(key, path)
}

func (h *harness) stage() string {
	h.t.Helper()
	dir, ok := h.Stage()
	if !ok {
		h.t.Fatal("there is no stage:", h.told)
	}
	h.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// load is what is loaded under a key, by name.
func (h *harness) load(key cache.Key) map[string]string {
	h.t.Helper()
	return content(h.t, h.loadInto(key))
}

func (h *harness) loadInto(key cache.Key) string {
	h.t.Helper()
	dir := h.stage()
	h.Load(key, dir)
	return dir
}

// content is the files of a directory.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(b)
	}
	return found
}

// only is the path of the one file in one of the cache's directories.
func (h *harness) only(dir string) string {
	h.t.Helper()
	list, err := os.ReadDir(filepath.Join(h.root(), dir))
	if err != nil || len(list) != 1 {
		h.t.Fatalf("%s has %v, %v; want one file", dir, list, err)
	}
	return filepath.Join(h.root(), dir, list[0].Name())
}

// age makes it look as if a file was used last some time ago.
func age(t *testing.T, path string, ago time.Duration) {
	t.Helper()
	then := time.Now().Add(-ago)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func digest(s string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s))) }
