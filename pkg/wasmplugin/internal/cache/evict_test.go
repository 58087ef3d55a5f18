// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const kib = 1 << 10

func (h *harness) path(dir, name string) string { return filepath.Join(h.root(), dir, name) }

func (h *harness) entry(k string) string { return h.path("entries", fmt.Sprintf("%x-name", key(k))) }

// The entry that was not used for longest goes first; being loaded is being used.
func TestEviction(t *testing.T) {
	h := newHarness(t, 35*kib)
	for i, k := range []string{"a", "b", "c"} {
		h.store(key(k), "name", strings.Repeat(k, 10*kib))
		age(t, h.entry(k), time.Duration(10-i)*time.Hour)
	}
	_ = h.load(key("a"))
	h.store(key("d"), "name", strings.Repeat("d", 10*kib))
	var left []string
	for _, k := range []string{"a", "b", "c", "d"} {
		if len(h.load(key(k))) > 0 {
			left = append(left, k)
		}
	}
	if diff := cmp.Diff([]string{"a", "c", "d"}, left); diff != "" {
		t.Errorf("left (-want,+got):\n%s", diff)
	}
	h.wantTold(0, nil)
}

// Modules that a record refers to stay, whatever else there is; so do those that were put just now.
func TestRecordsKeepModules(t *testing.T) {
	h := newHarness(t, 45*kib)
	module := func(k string) string { return strings.Repeat(k, 10*kib) }
	name := func(k string) string { return digest(module(k))[len("sha256:"):] }
	for i, k := range []string{"a", "b", "c"} {
		h.putModule(module(k))
		age(t, h.path("modules", name(k)), time.Duration(10-i)*time.Hour)
	}
	h.putRecord(record("p", "q", module("a")))
	compressed := record("p", "r", "small")
	compressed.Stored = digest(module("b"))
	h.putModule("small")
	h.putRecord(compressed)
	h.putModule(module("d"))
	wantModules := func(what string, want ...string) {
		t.Helper()
		left := slices.Sorted(maps.Keys(content(t, filepath.Join(h.root(), "modules"))))
		var names []string
		names = append(names, digest("small")[len("sha256:"):])
		for _, k := range want {
			names = append(names, name(k))
		}
		slices.Sort(names)
		if diff := cmp.Diff(names, left); diff != "" {
			t.Errorf("%s: modules left (-want,+got):\n%s", what, diff)
		}
	}
	wantModules("everything has room", "a", "b", "c", "d")
	h.store(key("x"), "name", strings.Repeat("x", 10*kib))
	wantModules("the one that nothing refers to goes", "a", "b", "d")
	h.store(key("y"), "name", strings.Repeat("y", 10*kib))
	wantModules("code goes before modules that are needed", "a", "b", "d")
	if err := h.RemoveRecord("p", "q"); err != nil {
		t.Fatal(err)
	}
	h.store(key("z"), "name", strings.Repeat("z", 10*kib))
	wantModules("without its record", "b", "d")
	h.wantTold(0, nil)
}

func TestLimitHoldsUnderManyStores(t *testing.T) {
	h := newHarness(t, 100*kib)
	for i := range 50 {
		h.store(key(fmt.Sprint(i)), "name", strings.Repeat("x", 7*kib))
		size := 0
		for _, b := range content(t, filepath.Join(h.root(), "entries")) {
			size += len(b)
		}
		if size > 100*kib {
			t.Fatalf("%d bytes after %d stores", size, i+1)
		}
	}
	if got := h.load(key("49")); len(got) != 1 {
		t.Error("the latest is gone")
	}
}
