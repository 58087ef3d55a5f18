// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"slices"
	"sort"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// record is an object in a feed, from its creation to its end.
type record struct {
	source int
	object *Object // the last one, if it is gone
	gone   bool
	// born is the version with which it came; changed is that of its last change, or 0 once
	// its end has been forgotten.
	born, changed uint64

	// told is the Object that Handlers.Change was told of last, if any; queued is whether there is
	// something to tell.
	told   *Object
	queued bool
}

// log is the records of a feed in the order of their last change. What is live is always
// in it, what is gone until there is too much of that: then the oldest end is forgotten. It has no
// lock of its own.
type log struct {
	maxTombstones, maxTombstoneBytes int

	lines []line
	// tombstones is what is gone and not forgotten, the oldest first.
	tombstones []*record
	bytes      int // of JSON in tombstones
	// forgotten is the version of the latest end that was forgotten, 0 if none was.
	forgotten uint64
}

// line is a change of a record. It is void if that has changed since.
type line struct {
	version uint64
	record  *record
}

func (l line) void() bool { return l.version != l.record.changed }

// append notes a change of a record, which is up to date.
func (l *log) append(r *record, version uint64) {
	r.changed = version
	l.lines = append(l.lines, line{version, r})
	if !r.gone {
		return
	}
	l.tombstones = append(l.tombstones, r)
	l.bytes += len(r.object.JSON)
	for len(l.tombstones) > l.maxTombstones || l.bytes > l.maxTombstoneBytes {
		l.forget()
	}
}

// forget drops the oldest tombstone. There is one.
func (l *log) forget() {
	oldest := l.tombstones[0]
	l.tombstones[0] = nil
	l.tombstones = l.tombstones[1:]
	l.bytes -= len(oldest.object.JSON)
	l.forgotten = oldest.changed
	oldest.changed = 0
}

// compact removes void lines once they are the most.
func (l *log) compact(live int) {
	if len(l.lines) > 2*(live+len(l.tombstones))+64 {
		l.lines = slices.DeleteFunc(l.lines, line.void)
	}
}

// since is Feed.Since of a feed whose latest version is given.
func (l *log) since(v, latest uint64) (changes []Change, now uint64, ok bool) {
	if v > latest || v > 0 && v < l.forgotten {
		return nil, latest, false
	}
	first := sort.Search(len(l.lines), func(i int) bool { return l.lines[i].version > v })
	for _, at := range l.lines[first:] {
		if at.void() || at.record.gone && at.record.born > v {
			continue
		}
		changes = append(changes, at.record.since(v))
	}
	return changes, latest, true
}

// since is the change for a guest that knows the state of version v.
func (r *record) since(v uint64) Change {
	c := Change{Source: r.source, Action: abi.ActionUpdate, Object: r.object}
	switch {
	case r.gone:
		c.Action = abi.ActionDelete
	case r.born > v:
		c.Action = abi.ActionAdd
	}
	return c
}
