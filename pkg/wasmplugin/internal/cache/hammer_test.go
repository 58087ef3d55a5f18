// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
)

// Several schedulers do everything at once, in so little room that they evict what others use: each
// gets what was stored, or nothing.
func TestHammer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	list := []*harness{newHarnessIn(t, dir, 20*kib), newHarnessIn(t, dir, 20*kib)}
	var wg sync.WaitGroup
	for worker := range 4 {
		h := list[worker%len(list)]
		wg.Go(func() {
			for i := range 40 {
				if err := h.turn(worker, fmt.Sprint(i%7)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, h := range list {
		h.wantTold(0, nil)
	}
}

// turn stores, loads and remembers one text.
func (h *harness) turn(worker int, id string) error {
	text := strings.Repeat(id, 3*kib)
	h.store(key(id), "name", text)
	if got, ok := h.load(key(id))["name"]; ok && got != text {
		return fmt.Errorf("loaded %d bytes that are not those of %s", len(got), id)
	}
	b, err := h.Metered(id, "", func() ([]byte, error) { return []byte(text), nil })
	if err != nil || string(b) != text {
		return fmt.Errorf("metered form of %s has %d bytes: %w", id, len(b), err)
	}
	policy := fmt.Sprint(worker % 2)
	if err := errors.Join(h.PutModule(digest(text), []byte(text)), h.PutRecord(record("p", policy, text))); err != nil {
		return err
	}
	r, err := h.Record("p", policy)
	if err != nil {
		return err
	}
	if _, err := h.Module(r.Digest); err != nil && !errors.Is(err, cache.ErrMissing) {
		return err
	}
	return nil
}
