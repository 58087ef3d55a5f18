//go:build !linux || stowage_portable

// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package arena_test

import "testing"

// Copying only what changed is what makes the fallback usable: a cycle changes a few pages of
// many. Pages that were not touched keep what the guest wrote there.
func TestSyncCopiesOnlyChangedPages(t *testing.T) {
	s := segment(t, 4*page)
	mem := memory(t, 4*page)
	v := attach(t, s, mem)
	for p := range 4 {
		copy(mem[p*page:], "guest")
	}
	write(s, page, "host!")
	v.Sync(s, mem)
	for p, want := range []string{"guest", "host!", "guest", "guest"} {
		wantText(t, mem, p*page, want)
	}
	write(s, 3*page-2, "two pages")
	v.Sync(s, mem)
	wantText(t, mem, 3*page-2, "two pages")
	wantText(t, mem, 0, "guest")
}

func TestSyncWithoutChangesCopiesNothing(t *testing.T) {
	s := segment(t, page)
	mem := memory(t, page)
	v := attach(t, s, mem)
	copy(mem, "guest")
	v.Sync(s, mem)
	wantText(t, mem, 0, "guest")
}
