// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
)

func (h *harness) putModule(module string) {
	h.t.Helper()
	if err := h.PutModule(digest(module), []byte(module)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) putRecord(r cache.Record) {
	h.t.Helper()
	if err := h.PutRecord(r); err != nil {
		h.t.Fatal(err)
	}
}

func TestModules(t *testing.T) {
	h := newHarness(t, 0)
	h.putModule("wasm")
	h.putModule("wasm")
	got, err := newHarnessIn(t, h.dir, 0).Module(digest("wasm"))
	if err != nil || string(got) != "wasm" {
		t.Errorf("Module = %q, %v", got, err)
	}
	if _, err := h.Module(digest("other")); !errors.Is(err, cache.ErrMissing) {
		t.Errorf("error of a missing module is %v", err)
	}
	h.rewrite(h.only("modules"), func(b []byte) []byte { b[0]++; return b })
	if got, err := h.Module(digest("wasm")); !errors.Is(err, cache.ErrMissing) {
		t.Errorf("Module of a damaged one = %q, %v", got, err)
	}
	h.wantTold(1, nil)
	h.putModule("wasm")
	if got, err := h.Module(digest("wasm")); err != nil || string(got) != "wasm" {
		t.Errorf("Module after putting again = %q, %v", got, err)
	}
}

// A damaged module that is put again is repaired, although its name is there.
func TestPutModuleRepairs(t *testing.T) {
	h := newHarness(t, 0)
	h.putModule("wasm")
	h.rewrite(h.only("modules"), func([]byte) []byte { return nil })
	h.putModule("wasm")
	if got, err := h.Module(digest("wasm")); err != nil || string(got) != "wasm" {
		t.Errorf("Module = %q, %v", got, err)
	}
}

func TestBadDigests(t *testing.T) {
	h := newHarness(t, 0)
	for _, bad := range []string{
		"", "sha256:", "../../etc/passwd", "sha256:../x", strings.ToUpper(digest("wasm")), digest("wasm")[7:],
		"sha256:" + strings.ToUpper(digest("wasm")[7:]), digest("wasm") + "00", "sha512:" + digest("wasm")[7:],
	} {
		if err := h.PutModule(bad, []byte("wasm")); err == nil {
			t.Errorf("PutModule(%q) worked", bad)
		}
		if _, err := h.Module(bad); err == nil {
			t.Errorf("Module(%q) worked", bad)
		}
	}
	if err := h.PutModule(digest("other"), []byte("wasm")); err == nil {
		t.Error("a module was kept under another's digest")
	}
}

func record(profile, policy, module string) cache.Record {
	return cache.Record{
		Profile: profile, Policy: policy, Source: "file:///policies/a.wasm", Version: "7", Digest: digest(module),
		Manifest: digest("manifest"), Config: json.RawMessage(`{"b":1,"a":"<&>"}`), Signers: []string{"release"},
		Signatures: json.RawMessage(`[{"data":"MEUC"}]`),
		Time:       time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
	}
}

func TestRecords(t *testing.T) {
	h := newHarness(t, 0)
	h.putModule("wasm")
	long := strings.Repeat("x", 300)
	ids := [][2]string{{"p", "q"}, {"p q", ""}, {"p", ""}, {"../..", "/etc/passwd"}, {long, long}, {long, long + "y"}, {"a/b", "c"}, {"a_b", "c"}, {"ü", "\x00"}}
	for _, id := range ids {
		h.putRecord(record(id[0], id[1], "wasm"))
	}
	if found := len(content(t, filepath.Join(h.root(), "records"))); found != len(ids) {
		t.Errorf("there are %d files of %d records", found, len(ids))
	}
	for _, id := range ids {
		got, err := newHarnessIn(t, h.dir, 0).Record(id[0], id[1])
		if err != nil {
			t.Error(err)
		}
		// HTML characters come back escaped, which is the same JSON.
		got.Config = json.RawMessage(strings.NewReplacer(`\u003c`, "<", `\u0026`, "&", `\u003e`, ">").Replace(string(got.Config)))
		if diff := cmp.Diff(record(id[0], id[1], "wasm"), got); diff != "" {
			t.Errorf("%q (-want,+got):\n%s", id, diff)
		}
	}
	h.wantTold(0, nil)
}

func TestRecordsAreReplacedAndRemoved(t *testing.T) {
	h := newHarness(t, 0)
	h.putModule("old")
	h.putModule("new")
	h.putRecord(record("p", "q", "old"))
	h.putRecord(record("p", "q", "new"))
	if got, err := h.Record("p", "q"); err != nil || got.Digest != digest("new") {
		t.Errorf("Record = %+v, %v", got, err)
	}
	for range 2 {
		if err := h.RemoveRecord("p", "q"); err != nil {
			t.Error(err)
		}
	}
	if _, err := h.Record("p", "q"); !errors.Is(err, cache.ErrMissing) {
		t.Errorf("error = %v, want ErrMissing", err)
	}
	if err := h.PutRecord(record("p", "q", "unknown")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error of a record without its module = %v", err)
	}
}

func TestDamagedRecords(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":       func([]byte) []byte { return nil },
		"half":        func(b []byte) []byte { return b[:len(b)/2] },
		"other value": func(b []byte) []byte { return []byte(strings.Replace(string(b), "release", "attacker", 1)) },
		"other shape": func([]byte) []byte { return []byte(`[1,2]`) },
		"no record":   func([]byte) []byte { return []byte(`{}`) },
		"garbage":     func([]byte) []byte { return []byte("\x00\xff") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, 0)
			h.putModule("wasm")
			h.putRecord(record("p", "q", "wasm"))
			h.rewrite(h.only("records"), damage)
			if r, err := h.Record("p", "q"); !errors.Is(err, cache.ErrMissing) {
				t.Errorf("Record = %+v, %v", r, err)
			}
			h.wantTold(1, nil)
			if left := content(t, filepath.Join(h.root(), "records")); len(left) > 0 {
				t.Errorf("it is still there: %v", left)
			}
		})
	}
}

// A record under another's name is not that policy's.
func TestForeignRecord(t *testing.T) {
	h := newHarness(t, 0)
	h.putModule("wasm")
	h.putRecord(record("p", "q", "wasm"))
	from := h.only("records")
	h.putRecord(record("p", "r", "wasm"))
	for name := range content(t, filepath.Dir(from)) {
		if path := filepath.Join(filepath.Dir(from), name); path != from {
			if err := os.Rename(from, path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r, err := h.Record("p", "r"); !errors.Is(err, cache.ErrMissing) {
		t.Errorf("Record = %+v, %v", r, err)
	}
	h.wantTold(1, nil)
}
