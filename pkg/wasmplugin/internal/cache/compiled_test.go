// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStoreAndLoad(t *testing.T) {
	h := newHarness(t, 0)
	h.store(key("a"), "this-cpu", "code")
	h.store(key("a"), "that-cpu", "other code")
	h.store(key("b"), "this-cpu", "")
	for k, want := range map[string]map[string]string{
		"a": {"this-cpu": "code", "that-cpu": "other code"}, "b": {"this-cpu": ""}, "c": {},
	} {
		if diff := cmp.Diff(want, h.load(key(k))); diff != "" {
			t.Errorf("%s (-want,+got):\n%s", k, diff)
		}
	}
	h.store(key("a"), "this-cpu", "newer code")
	if got := h.load(key("a"))["this-cpu"]; got != "newer code" {
		t.Errorf("after storing again: %q", got)
	}
	h.wantTold(0, nil)
}

// What is not what was stored is not loaded, and goes.
func TestDamagedEntries(t *testing.T) {
	code := strings.Repeat("machine code ", 1000)
	for name, damage := range map[string]func([]byte) []byte{
		"bit of the content": func(b []byte) []byte { b[100] ^= 1; return b },
		"bit of the label":   func(b []byte) []byte { b[len(code)+9] ^= 1; return b },
		"bit of the sum":     func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"end cut off":        func(b []byte) []byte { return b[:len(b)-1] },
		"half":               func(b []byte) []byte { return b[:len(b)/2] },
		"no seal":            func(b []byte) []byte { return b[:len(code)] },
		"empty":              func([]byte) []byte { return nil },
		"more":               func(b []byte) []byte { return append(b, 0) },
		"start cut off":      func(b []byte) []byte { return b[1:] },
		"zeros":              func(b []byte) []byte { return make([]byte, len(b)) },
		"something else":     func([]byte) []byte { return bytes.Repeat([]byte("garbage"), 100) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, 0)
			h.store(key("a"), "name", code)
			h.rewrite(h.only("entries"), damage)
			h.wantGone(key("a"))
			h.store(key("a"), "name", code)
			if diff := cmp.Diff(map[string]string{"name": code}, h.load(key("a"))); diff != "" {
				t.Errorf("after storing again (-want,+got):\n%s", diff)
			}
		})
	}
}

func (h *harness) rewrite(path string, change func([]byte) []byte) {
	h.t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o600)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// wantGone sees to it that an entry is not loaded, that somebody was told, and that it was removed.
func (h *harness) wantGone(k [sha256.Size]byte) {
	h.t.Helper()
	if diff := cmp.Diff(map[string]string{}, h.load(k)); diff != "" {
		h.t.Errorf("loaded (-want,+got):\n%s", diff)
	}
	h.wantTold(1, nil)
	if left := content(h.t, filepath.Join(h.root(), "entries")); len(left) > 0 {
		h.t.Errorf("%d entries are left", len(left))
	}
}

// An entry under another's name is whole, but it is of another module or another machine.
func TestForeignEntries(t *testing.T) {
	for name, as := range map[string]string{
		"another key": fmt.Sprintf("%x-name", key("b")), "another name": fmt.Sprintf("%x-other", key("b")),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, 0)
			h.store(key("a"), "name", "code")
			path := h.only("entries")
			if err := os.Rename(path, filepath.Join(filepath.Dir(path), as)); err != nil {
				t.Fatal(err)
			}
			h.wantGone(key("b"))
		})
	}
}

// A directory where an entry should be is in the way, but no more than that.
func TestEntryThatIsADirectory(t *testing.T) {
	h := newHarness(t, 0)
	_ = h.stage()
	if err := os.Mkdir(filepath.Join(h.root(), "entries", fmt.Sprintf("%x-name", key("a"))), 0o700); err != nil {
		t.Fatal(err)
	}
	h.wantGone(key("a"))
}

func TestTooLargeToStore(t *testing.T) {
	h := newHarness(t, 1000)
	h.store(key("a"), "name", strings.Repeat("x", 1000))
	h.store(key("b"), "name", strings.Repeat("x", 1000))
	if got := h.load(key("a")); len(got) > 0 {
		t.Errorf("loaded %v", got)
	}
	h.wantTold(1, nil)
	want := "storing in the cache: name has 1000 bytes; the cache's limit is 1000; modules load more slowly until that works"
	if diff := cmp.Diff(want, h.told[0].Error()); diff != "" {
		t.Errorf("(-want,+got):\n%s", diff)
	}
}

func TestMetered(t *testing.T) {
	h := newHarness(t, 0)
	made := 0
	get := func(digest, version string) string {
		b, err := h.Metered(digest, version, func() ([]byte, error) { made++; return []byte(digest + version), nil })
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, tc := range []struct {
		digest, version string
		made            int
	}{{"d", "1", 1}, {"d", "1", 1}, {"d", "2", 2}, {"e", "1", 3}, {"d", "1", 3}, {"d1", "", 4}} {
		if got := get(tc.digest, tc.version); got != tc.digest+tc.version || made != tc.made {
			t.Errorf("Metered(%q, %q) = %q, the %d made, want the %d", tc.digest, tc.version, got, made, tc.made)
		}
	}
	h.wantTold(0, nil)
	bad := errors.New("bad")
	if _, err := h.Metered("f", "", func() ([]byte, error) { return nil, bad }); !errors.Is(err, bad) {
		t.Errorf("error = %v", err)
	}
}

func TestMeteredIsMadeAgainWhenDamaged(t *testing.T) {
	h := newHarness(t, 0)
	inject := func() ([]byte, error) { return []byte("metered"), nil }
	if _, err := h.Metered("d", "1", inject); err != nil {
		t.Fatal(err)
	}
	h.rewrite(h.only("entries"), func(b []byte) []byte { b[0]++; return b })
	got, err := h.Metered("d", "1", inject)
	if err != nil || string(got) != "metered" {
		t.Errorf("Metered = %q, %v", got, err)
	}
	h.wantTold(1, nil)
}
