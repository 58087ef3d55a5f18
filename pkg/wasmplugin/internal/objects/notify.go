// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"

// notify calls the handlers until the feed is closed.
func (f *Feed) notify() {
	defer close(f.stopped)
	for {
		select {
		case <-f.done:
			return
		case <-f.wake:
			f.tell()
		}
	}
}

// tell tells of what is queued. What comes meanwhile has its turn after Changed, so that neither
// handler starves the other.
func (f *Feed) tell() {
	for range f.queued() {
		c, ok := f.next()
		if f.closed() {
			return
		}
		if ok {
			f.handlers.Change(c)
		}
	}
	if f.handlers.Changed != nil && !f.closed() {
		f.handlers.Changed()
	}
}

func (f *Feed) closed() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// enqueue has a record told of; mu is held.
func (f *Feed) enqueue(r *record) {
	if f.handlers.Change != nil && !r.queued {
		r.queued = true
		f.queue = append(f.queue, r)
	}
}

func (f *Feed) queued() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.queue)
}

// next takes a record from the queue. It is not ok if that came and went untold.
func (f *Feed) next() (c Change, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.queue[0]
	f.queue[0] = nil
	f.queue = f.queue[1:]
	r.queued = false
	old := r.told
	r.told = r.object
	switch c = (Change{Source: r.source, Object: r.object}); {
	case r.gone:
		c.Action = abi.ActionDelete
		return c, old != nil
	case old == nil:
		c.Action = abi.ActionAdd
	default:
		c.Action, c.Old = abi.ActionUpdate, old
	}
	return c, true
}
