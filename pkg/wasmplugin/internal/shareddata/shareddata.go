// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package shareddata keeps the values that all instances of a policy share: a bounded map from keys
// to bytes, which lives as long as the scheduler does and survives any instance.
//
// Ownership: a Data belongs to a policy, whichever module it runs, and needs no closing. Nothing
// that goes in or comes out shares memory with it.
//
// Concurrency: any goroutine. There is no operation on two keys, and none that reads and writes.
package shareddata

import (
	"bytes"
	"cmp"
	"maps"
	"sync"
)

const (
	// DefaultLimit is the limit where none is set, in bytes.
	DefaultLimit = 256 << 10
	// overhead is what an entry takes besides its key and value, in bytes: so that empty keys and
	// short values are not without limit.
	overhead = 64
)

// Data is keys with values.
type Data struct {
	limit int

	mu     sync.RWMutex // guards what follows
	used   int          // bytes
	values map[string][]byte
}

// New makes an empty Data. Keys, values and 64 bytes for each of them take at most limit bytes; 0 is
// DefaultLimit.
func New(limit int) *Data {
	return &Data{limit: cmp.Or(limit, DefaultLimit), values: map[string][]byte{}}
}

// Get returns a copy of a key's value.
func (d *Data) Get(key string) (value []byte, found bool) {
	d.mu.RLock()
	value, found = d.values[key]
	d.mu.RUnlock()
	// What is in the map is replaced and never changed.
	return bytes.Clone(value), found
}

// Set replaces a key's value; an empty one deletes the key. It returns false, and nothing has
// changed, if there is no room.
func (d *Data) Set(key string, value []byte) bool {
	value = bytes.Clone(value)
	d.mu.Lock()
	defer d.mu.Unlock()
	used := d.used
	if old, found := d.values[key]; found {
		used -= size(key, old)
	}
	if len(value) == 0 {
		delete(d.values, key)
		d.used = used
		return true
	}
	if used += size(key, value); used > d.limit {
		return false
	}
	d.values[key], d.used = value, used
	return true
}

func size(key string, value []byte) int { return len(key) + len(value) + overhead }

// Len is how many keys there are.
func (d *Data) Len() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.values)
}

// Snapshot is a copy of all keys and values.
func (d *Data) Snapshot() map[string][]byte {
	d.mu.RLock()
	out := maps.Clone(d.values)
	d.mu.RUnlock()
	for key, value := range out {
		out[key] = bytes.Clone(value)
	}
	return out
}
