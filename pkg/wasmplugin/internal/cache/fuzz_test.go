// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"os"
	"testing"
)

// Whatever a file has in it: either all of what was stored is loaded, or nothing.
func FuzzEntry(f *testing.F) {
	f.Add([]byte{}, uint16(0), uint16(0))
	f.Add([]byte{1}, uint16(3), uint16(200))
	f.Add([]byte("stowage\x01"), uint16(4), uint16(8))
	f.Add([]byte("0123456789"), uint16(0), uint16(9999))
	f.Fuzz(func(t *testing.T, b []byte, at, drop uint16) {
		h := newHarness(t, 0)
		h.store(key("a"), "name", "code")
		var stored []byte
		h.rewrite(h.only("entries"), func(old []byte) []byte {
			stored = old
			start, end := min(int(at), len(old)), min(int(at)+int(drop), len(old))
			return append(append(append([]byte{}, old[:start]...), b...), old[end:]...)
		})
		now, err := os.ReadFile(h.only("entries"))
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]int{true: 1, false: 0}[string(now) == string(stored)]
		if got := h.load(key("a")); len(got) != want || want == 1 && got["name"] != "code" {
			t.Errorf("loaded %q of %q", got, now)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"digest":"sha256:0","record":{}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h := newHarness(t, 0)
		h.putModule("wasm")
		h.putRecord(record("p", "q", "wasm"))
		h.rewrite(h.only("records"), func([]byte) []byte { return b })
		if r, err := h.Record("p", "q"); err == nil && (r.Profile != "p" || r.Policy != "q") {
			t.Errorf("Record = %+v", r)
		}
		// It is read to see which modules are needed, too.
		h.putModule("other")
	})
}
