// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Handlers is what a Feed calls. All calls are made by one goroutine of the feed, with no lock
// held, after Version has grown and Since and Get have the change. Either may be nil.
type Handlers struct {
	// Change is told of each change, in their order, with Old if it is an update. Changes of one
	// object that come faster than Change returns are told as one, so that what waits is bounded
	// by the number of objects; an object that came and went meanwhile is not told of.
	Change func(Change)
	// Changed is called after Change, and when Synced becomes true; once for several changes if
	// they come fast.
	Changed func()
}

// Feed is a policy's view of the objects in its sources. Each change gives it the next version;
// a guest is described by the version that it has been told of.
//
// Objects stay as they were last known when their source cannot be read any more. An object that
// is deleted and made again is another one, also if nobody saw it go: guests are told of the end
// of the old one first.
type Feed struct {
	watcher  *Watcher
	handlers Handlers
	// collections has the one of each source; it does not change after NewFeed.
	collections []*collection
	version     atomic.Uint64 // written with mu held

	wake          chan struct{}
	done, stopped chan struct{}

	mu     sync.RWMutex // guards what follows
	log    log
	live   map[place]*record
	synced []bool
	queue  []*record // for Handlers.Change
}

// place is where a feed has an object.
type place struct {
	source int
	key    key
}

func newFeed(w *Watcher, sources int, handlers Handlers) *Feed {
	return &Feed{
		watcher: w, handlers: handlers,
		wake: make(chan struct{}, 1), done: make(chan struct{}), stopped: make(chan struct{}),
		log:  log{maxTombstones: w.opts.MaxTombstones, maxTombstoneBytes: w.opts.MaxTombstoneBytes},
		live: map[place]*record{}, synced: make([]bool, sources),
	}
}

// Version is that of the latest change, 0 before any. It takes no lock.
func (f *Feed) Version() uint64 { return f.version.Load() }

// Since returns what a guest must be told that knows the state of version v, the oldest first and
// only the latest of each object; and the version that it has then. A new guest is at version 0.
// Additions are of what the guest does not know, updates and deletions of what it does.
//
// It always returns everything. Whoever tells a guest in several calls makes them one after another
// from the one result: a version halfway would not say which deletions the guest needs.
//
// It is not ok if deletions since v have been forgotten. Then the guest must be replaced by a new one.
func (f *Feed) Since(v uint64) (changes []Change, now uint64, ok bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.log.since(v, f.Version())
}

// Get returns the JSON of an object, which must not be changed. The namespace is empty for
// objects that are in none.
func (f *Feed) Get(source int, namespace, name string) ([]byte, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	r, ok := f.live[place{source, key{namespace, name}}]
	if !ok {
		return nil, false
	}
	return r.object.JSON, true
}

// Synced tells whether every source has been listed once.
func (f *Feed) Synced() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return !slices.Contains(f.synced, false)
}

// Problems says what does not work right now, in the order of the sources.
func (f *Feed) Problems() (out []string) {
	for i, c := range f.collections {
		if !slices.Contains(f.collections[:i], c) {
			out = append(out, c.trouble.problems()...)
		}
	}
	return out
}

// Close ends the feed, and the watch of each source that no other feed has. When it returns, no
// function of Handlers runs or will run; so none may call it. What the feed knew stays readable.
func (f *Feed) Close() {
	if f.watcher.release(f) {
		close(f.done)
	}
	<-f.stopped
}

// apply takes deltas of a source over, all at once. The collection's mutex is held.
func (f *Feed) apply(source int, deltas []delta, synced bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(deltas) == 0 && f.synced[source] == synced {
		return
	}
	f.synced[source] = synced
	for i, d := range deltas {
		f.change(source, d, f.Version()+uint64(i)+1)
	}
	f.log.compact(len(f.live))
	f.version.Add(uint64(len(deltas)))
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// change takes a delta over as the given version; mu is held.
func (f *Feed) change(source int, d delta, version uint64) {
	var r *record
	switch {
	case d.old == nil:
		r = &record{source: source, object: d.new, born: version}
		f.live[place{source, d.new.key()}] = r
	case d.new == nil:
		at := place{source, d.old.key()}
		r = f.live[at]
		r.gone = true
		delete(f.live, at)
	default:
		r = f.live[place{source, d.new.key()}]
		r.object = d.new
	}
	f.log.append(r, version)
	f.enqueue(r)
}
