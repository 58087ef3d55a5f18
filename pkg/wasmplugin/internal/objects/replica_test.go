// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// state is objects by source, namespace and name: the UID and the JSON of each.
type state map[string]string

func placeOf(source int, o *Object) string { return fmt.Sprint(source, " ", o.key()) }

func contentOf(o *Object) string { return o.UID + " " + string(o.JSON) }

// replica is what a guest makes of the changes that it is told.
type replica struct {
	name    string
	version uint64
	known   state
	resets  int
}

// read catches up, and complains of changes that do not fit what it knows.
func (r *replica) read(t *testing.T, f *Feed) {
	t.Helper()
	changes, now, ok := f.Since(r.version)
	if !ok {
		r.known, r.version = state{}, 0
		r.resets++
		if changes, now, ok = f.Since(0); !ok {
			t.Fatalf("%s: a new guest is told nothing", r.name)
		}
	}
	for _, c := range changes {
		if err := r.known.take(c); err != nil {
			t.Fatalf("%s at version %d of %d: %v", r.name, r.version, now, err)
		}
	}
	r.version = now
}

// take does what a change says. Additions must be of what is not known, and updates and deletions
// of what is, with the same UID.
func (s state) take(c Change) error {
	place := placeOf(c.Source, c.Object)
	known, ok := s[place]
	if ok == (c.Action == abi.ActionAdd) || ok && !strings.HasPrefix(known, c.UID+" ") {
		return fmt.Errorf("told of %s, but knows %q", text(c), known)
	}
	if c.Action == abi.ActionDelete {
		delete(s, place)
	} else {
		s[place] = contentOf(c.Object)
	}
	return nil
}

// listener is a replica by way of Handlers.Change.
type listener struct {
	mu    sync.Mutex
	known state
	errs  []error
}

func (l *listener) take(c Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Action == abi.ActionUpdate {
		if got, want := contentOf(c.Old), l.known[placeOf(c.Source, c.Old)]; got != want {
			l.errs = append(l.errs, fmt.Errorf("%s: the old object is %q, told before was %q", text(c), got, want))
		}
	} else if c.Old != nil {
		l.errs = append(l.errs, fmt.Errorf("%s: has an old object", text(c)))
	}
	if err := l.known.take(c); err != nil {
		l.errs = append(l.errs, err)
	}
}

func (l *listener) equals(want state) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmp.Equal(want, l.known)
}

// world is a naive cluster, whose changes collections are told of as a reflector does.
type world struct {
	t           *testing.T
	r           *rand.Rand
	collections []*collection
	objects     []map[key]*unstructured.Unstructured // of each collection
	versions    versioned
	uids        int
}

// step makes a random change.
func (w *world) step() {
	i := w.r.IntN(len(w.collections))
	c, objects, k := w.collections[i], w.objects[i], key{"ns", fmt.Sprint(w.r.IntN(6))}
	old := objects[k]
	switch p := w.r.IntN(100); {
	case p < 6: // A watch broke, and what happened meanwhile shows in the next list.
		for range w.r.IntN(12) {
			w.unseen(objects)
		}
		if err := c.Replace(anySlice(objects), ""); err != nil {
			w.t.Fatal(err)
		}
	case old == nil:
		objects[k] = w.made(k)
		put(w.t, c, objects[k])
	case p < 60:
		objects[k] = w.changed(old)
		put(w.t, c, objects[k])
	default:
		delete(objects, k)
		if err := c.Delete(old); err != nil {
			w.t.Fatal(err)
		}
	}
}

// unseen makes, changes, replaces or deletes an object.
func (w *world) unseen(objects map[key]*unstructured.Unstructured) {
	k := key{"ns", fmt.Sprint(w.r.IntN(6))}
	switch old := objects[k]; {
	case old != nil && w.r.IntN(3) == 0:
		delete(objects, k)
	case old != nil && w.r.IntN(2) == 0:
		objects[k] = w.changed(old)
	default:
		objects[k] = w.made(k)
	}
}

func (w *world) made(k key) *unstructured.Unstructured {
	w.uids++
	return w.versions.next(configMap(k.namespace, k.name, fmt.Sprint("uid", w.uids), "new"))
}

func (w *world) changed(old *unstructured.Unstructured) *unstructured.Unstructured {
	return w.versions.next(configMap(old.GetNamespace(), old.GetName(), string(old.GetUID()), fmt.Sprint(w.r.Int())))
}

func (w *world) state() state {
	s := state{}
	for i, objects := range w.objects {
		for k, u := range objects {
			raw, err := json.Marshal(u.Object)
			if err != nil {
				w.t.Fatal(err)
			}
			s[fmt.Sprint(i, " ", k)] = string(u.GetUID()) + " " + string(raw)
		}
	}
	return s
}

func anySlice(objects map[key]*unstructured.Unstructured) (out []any) {
	for _, u := range objects {
		out = append(out, u)
	}
	return out
}

// Guests that are told of changes at any time have the state of the cluster then, and so does the
// listener in the end; and additions, updates and deletions fit what they know.
func TestReplicasFollow(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { follow(t, rand.New(rand.NewPCG(seed, 0))) })
	}
}

func follow(t *testing.T, r *rand.Rand) {
	// Few tombstones, so that some guests miss them; but for some seeds so many that none does.
	watcher, sources, collections := offline(t, Options{MaxTombstones: 1 + r.IntN(60)}, "a.v1", "b.v1", "c.v1")
	w := &world{t: t, r: r, collections: collections}
	for range collections {
		w.objects = append(w.objects, map[key]*unstructured.Unstructured{})
	}
	for range r.IntN(20) {
		w.step()
	}
	l := &listener{known: state{}}
	poke := make(chan struct{}, 1)
	f := mustFeed(t, watcher, Handlers{Change: l.take, Changed: func() { signal(poke) }}, sources...)
	var guests []*replica
	for i := range 4 {
		guests = append(guests, &replica{name: fmt.Sprint("guest ", i), known: state{}})
	}
	for range 300 {
		w.step()
		// The first guest reads often, the last seldom.
		if i := r.IntN(4); r.IntN(1<<(2*i)) == 0 {
			guests[i].read(t, f)
			compare(t, guests[i].name, w.state(), guests[i].known)
		}
	}
	for _, g := range guests {
		g.read(t, f)
		compare(t, g.name, w.state(), g.known)
	}
	await(t, poke, "the listener has caught up", func() bool { return l.equals(w.state()) })
	if len(l.errs) > 0 {
		t.Error(l.errs[0])
	}
	checkLog(t, f)
}

func compare(t *testing.T, name string, want, got state) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", name, diff)
	}
}

// checkLog checks that a feed does not keep more than it may.
func checkLog(t *testing.T, f *Feed) {
	t.Helper()
	f.mu.RLock()
	defer f.mu.RUnlock()
	if got, limit := len(f.log.tombstones), f.log.maxTombstones; got > limit {
		t.Errorf("got %d tombstones, want at most %d", got, limit)
	}
	if got, limit := len(f.log.lines), 2*(len(f.live)+len(f.log.tombstones))+64; got > limit {
		t.Errorf("got %d lines, want at most %d", got, limit)
	}
}

func signal(poke chan<- struct{}) {
	select {
	case poke <- struct{}{}:
	default:
	}
}
