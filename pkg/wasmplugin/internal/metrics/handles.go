// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// handles keeps what was made for a name: asking Prometheus for a series takes longer and
// allocates. Names are few, so they are copied when there is a new one and readers need no lock.
type handles[H any] struct {
	create func(name string) H
	// limit is how many names there may be; 0 is any number.
	limit int
	known atomic.Pointer[map[string]H]
	mu    sync.Mutex // guards writing known
}

func newHandles[H any](limit int, create func(name string) H) *handles[H] {
	h := &handles[H]{create: create, limit: limit}
	h.known.Store(&map[string]H{})
	return h
}

// get returns false if the name is one too many.
func (h *handles[H]) get(name string) (H, bool) {
	if handle, ok := (*h.known.Load())[name]; ok {
		return handle, true
	}
	return h.add(name)
}

func (h *handles[H]) add(name string) (handle H, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := *h.known.Load()
	if handle, ok = known[name]; ok {
		return handle, true
	}
	if h.limit > 0 && len(known) >= h.limit {
		return handle, false
	}
	name = strings.Clone(name) // it may be a view of something large
	known = maps.Clone(known)
	known[name] = h.create(name)
	h.known.Store(&known)
	return known[name], true
}
