// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package objects watches the cluster objects that policies declare, and says what a guest that
// knows an earlier state must be told.
//
//	API server -> collection (one for each Source) -> Feed (one for each policy) -> guests
//
// A collection is a reflector with its store: it holds the objects of a Source, encoded once,
// for all feeds that have the Source. There is no informer in between, because the collection is
// the only cache there should be: what woke a pod is then also what its guest sees, objects are
// not held twice, and the times between retries are ours. A Feed gives each change of its sources
// a version, so that a guest is described by one number.
//
// A resource that is not installed or must not be listed delays nobody. Its objects are absent,
// the problem is reported once, and it is tried again: after a second, then after twice as long
// each time up to 15 to 23 seconds, for ever.
//
// Who made a Watcher closes it, which closes its feeds and waits until nothing of it runs. All
// methods may be called concurrently. None but Close waits for the network, and Close cancels
// what it waits for.
//
// The locks are taken in this order: Watcher.mu, collection.mu, Feed.mu. None is held while a
// function of the caller runs.
package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
)

// Options of a Watcher. The zero value is good.
type Options struct {
	// Report, if set, is told of each problem of a source once, and once more when it is solved.
	// The problem is a whole sentence but its period, the same both times. It should not take long:
	// the source waits meanwhile.
	Report func(s Source, problem string, solved bool)
	// MaxObjectBytes is the size of an object's JSON beyond which it is treated as if it did not
	// exist, which is reported. Defaults to 1 MiB.
	MaxObjectBytes int
	// MaxTombstones and MaxTombstoneBytes bound the deleted objects that a feed remembers, and
	// their JSON. Default to 4,096 and 16 MiB.
	MaxTombstones, MaxTombstoneBytes int
	// MinRetry and MaxRetry bound the time between attempts to list or watch, before it is made
	// up to half as long again at random. Default to 1 s and 15 s.
	MinRetry, MaxRetry time.Duration
}

func (o Options) withDefaults() Options {
	o.MaxObjectBytes = cmp.Or(o.MaxObjectBytes, 1<<20)
	o.MaxTombstones = cmp.Or(o.MaxTombstones, 4096)
	o.MaxTombstoneBytes = cmp.Or(o.MaxTombstoneBytes, 16<<20)
	o.MinRetry = cmp.Or(o.MinRetry, time.Second)
	o.MaxRetry = cmp.Or(o.MaxRetry, 15*time.Second)
	if o.Report == nil {
		o.Report = func(Source, string, bool) {}
	}
	return o
}

// Watcher watches what its feeds need, each Source once.
type Watcher struct {
	client dynamic.Interface
	opts   Options
	// running is the collections' goroutines.
	running sync.WaitGroup

	mu          sync.Mutex // guards what follows, and the references of collections
	closed      bool
	collections map[Source]*collection
	feeds       map[*Feed]struct{}
}

// ErrClosed is what a closed Watcher returns.
var ErrClosed = errors.New("the watcher of objects is closed")

// NewWatcher returns a Watcher that watches nothing yet. The client should have no rate limit of
// its own, or one that it does not share with anything urgent.
func NewWatcher(client dynamic.Interface, opts Options) *Watcher {
	return &Watcher{
		client: client, opts: opts.withDefaults(),
		collections: map[Source]*collection{}, feeds: map[*Feed]struct{}{},
	}
}

// NewFeed returns a Feed of the sources, which starts to fill now. It fails if a source is not
// one that ParseSource could return, or with ErrClosed.
func (w *Watcher) NewFeed(sources []Source, handlers Handlers) (*Feed, error) {
	for _, s := range sources {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("watching %s: %w", s, err)
		}
	}
	f := newFeed(w, len(sources), handlers)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	w.feeds[f] = struct{}{}
	for i, s := range sources {
		c := w.acquire(s)
		f.collections = append(f.collections, c)
		c.subscribe(subscription{f, i})
	}
	go f.notify()
	return f, nil
}

// acquire returns the collection of a source with a reference for the caller, who holds mu.
func (w *Watcher) acquire(s Source) *collection {
	c := w.collections[s]
	if c == nil {
		ctx, cancel := context.WithCancel(context.Background())
		c = newCollection(s, &w.opts, cancel)
		w.collections[s] = c
		w.running.Go(func() { c.run(ctx, w.client) })
	}
	c.refs++
	return c
}

// release ends what a feed has of the collections, and tells whether this was the first time.
func (w *Watcher) release(f *Feed) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.feeds[f]; !known {
		return false
	}
	delete(w.feeds, f)
	for i, c := range f.collections {
		c.unsubscribe(subscription{f, i})
		if c.refs--; c.refs == 0 {
			delete(w.collections, c.source)
			c.cancel()
		}
	}
	return true
}

// Close closes all feeds and waits until every goroutine has ended. Later feeds are refused.
// It must not be called by a function of Handlers or by Options.Report.
func (w *Watcher) Close() {
	w.mu.Lock()
	w.closed = true
	feeds := slices.Collect(maps.Keys(w.feeds))
	w.mu.Unlock()
	for _, f := range feeds {
		f.Close()
	}
	w.running.Wait()
}
