// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
)

// collection holds the objects of a Source. It is the store that a reflector fills; all methods
// of cache.ReflectorStore are called by the goroutine of run alone.
type collection struct {
	source Source
	opts   *Options
	cancel context.CancelFunc
	// refs is how many subscriptions there are; Watcher.mu guards it.
	refs int
	// calls is held for reading during a request, so that run can wait for those it gave up.
	calls sync.RWMutex
	// missing is how often in a row the resource did not exist; only run uses it.
	missing int
	trouble trouble

	mu      sync.Mutex // guards what follows
	objects map[key]*Object
	synced  bool
	subs    map[subscription]struct{}
}

var _ cache.ReflectorStore = (*collection)(nil)

// subscription is a feed with the index that it has for the source.
type subscription struct {
	feed   *Feed
	source int
}

// delta is an object that came, changed or went: either is nil, or none.
type delta struct{ old, new *Object }

func newCollection(s Source, opts *Options, cancel context.CancelFunc) *collection {
	return &collection{
		source: s, opts: opts, cancel: cancel,
		trouble: trouble{source: s, report: opts.Report, refused: map[key]string{}},
		objects: map[key]*Object{}, subs: map[subscription]struct{}{},
	}
}

// subscribe tells a feed of all objects, and from now on of what happens to them.
func (c *collection) subscribe(s subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]delta, 0, len(c.objects))
	for _, o := range c.objects {
		all = append(all, delta{new: o})
	}
	c.subs[s] = struct{}{}
	s.feed.apply(s.source, all, c.synced)
}

func (c *collection) unsubscribe(s subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.subs, s)
}

// Add implements cache.ReflectorStore.
func (c *collection) Add(obj any) error { return c.put(obj) }

// Update implements cache.ReflectorStore.
func (c *collection) Update(obj any) error { return c.put(obj) }

func (c *collection) put(obj any) error {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("storing an object: it is a %T", obj)
	}
	o, err := c.encode(u)
	c.trouble.refuse(keyOf(u), err)
	c.commit([]entry{{keyOf(u), o}}, false)
	return nil
}

// encode returns the Object of u, which is the one there is already if that is the same version.
func (c *collection) encode(u *unstructured.Unstructured) (*Object, error) {
	c.mu.Lock()
	known := c.objects[keyOf(u)]
	c.mu.Unlock()
	if known != nil && known.is(u) {
		return known, nil
	}
	return encode(u, c.opts.MaxObjectBytes)
}

// Delete implements cache.ReflectorStore.
func (c *collection) Delete(obj any) error {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("deleting an object: it is a %T", obj)
	}
	c.trouble.refuse(keyOf(u), nil)
	c.commit([]entry{{keyOf(u), nil}}, false)
	return nil
}

// Replace implements cache.ReflectorStore: it gets the whole list. What is not in it was deleted
// while nobody watched.
func (c *collection) Replace(items []any, _ string) error {
	refused, entries := map[key]string{}, make([]entry, 0, len(items))
	for _, item := range items {
		u, ok := item.(*unstructured.Unstructured)
		if !ok {
			return fmt.Errorf("storing a list: it has a %T", item)
		}
		o, err := c.encode(u)
		if err != nil {
			refused[keyOf(u)] = err.Error()
		}
		entries = append(entries, entry{keyOf(u), o})
	}
	c.missing = 0
	c.commit(entries, true)
	c.trouble.refuseOnly(refused)
	return nil
}

// Resync implements cache.ReflectorStore. There is nothing to do, and nobody asks for it.
func (c *collection) Resync() error { return nil }

// entry says what the object of a key is now: nil if there is none.
type entry struct {
	key    key
	object *Object
}

// commit makes the entries true, and of a whole list that there is nothing else. It tells all
// feeds, each of all at once.
func (c *collection) commit(entries []entry, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var deltas []delta
	if whole {
		deltas = c.unlisted(entries)
	}
	for _, e := range entries {
		deltas = appendDelta(deltas, c.objects[e.key], e.object)
	}
	for _, d := range deltas {
		if d.new != nil {
			c.objects[d.new.key()] = d.new
		} else {
			delete(c.objects, d.old.key())
		}
	}
	c.synced = c.synced || whole
	for s := range c.subs {
		s.feed.apply(s.source, deltas, c.synced)
	}
}

// unlisted is the end of all objects that are not in a whole list.
func (c *collection) unlisted(entries []entry) (gone []delta) {
	listed := make(map[key]struct{}, len(entries))
	for _, e := range entries {
		listed[e.key] = struct{}{}
	}
	for k, o := range c.objects {
		if _, still := listed[k]; !still {
			gone = append(gone, delta{old: o})
		}
	}
	return gone
}

// appendDelta adds what makes an object of another. One with another UID is another object, even
// if nobody saw the first one go.
func appendDelta(to []delta, from, object *Object) []delta {
	switch {
	case from == nil && object == nil:
		return to
	case from != nil && object != nil && from.UID != object.UID:
		return append(to, delta{old: from}, delta{new: object})
	case from != nil && object != nil && bytes.Equal(from.JSON, object.JSON):
		return to
	default:
		return append(to, delta{from, object})
	}
}
