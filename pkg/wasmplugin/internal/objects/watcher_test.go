// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

var configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}

// server is a fake API server that may fail.
type server struct {
	*fake.FakeDynamicClient
	mu      sync.Mutex
	errs    map[string]error // by verb
	reports []string
	poke    chan struct{}
}

func newServer(objects ...runtime.Object) *server {
	s := &server{
		FakeDynamicClient: fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
			map[schema.GroupVersionResource]string{configMaps: "ConfigMapList"}, objects...),
		errs: map[string]error{}, poke: make(chan struct{}, 1),
	}
	s.PrependReactor("list", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		err := s.err("list")
		return err != nil, nil, err
	})
	return s
}

func (s *server) err(verb string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errs[verb]
}

func (s *server) fail(verb string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs[verb] = err
}

func (s *server) report(_ Source, problem string, solved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, fmt.Sprint(problem, " ", solved))
	signal(s.poke)
}

func (s *server) reported() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.reports...)
}

func (s *server) count(verb string) (n int) {
	for _, a := range s.Actions() {
		if a.GetVerb() == verb {
			n++
		}
	}
	return n
}

// options retry fast.
func (s *server) options() Options {
	return Options{Report: s.report, MinRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond, MaxObjectBytes: 1000}
}

func (s *server) watcher(t *testing.T) *Watcher {
	t.Helper()
	w := NewWatcher(s, s.options())
	t.Cleanup(w.Close)
	return w
}

func (s *server) handlers() Handlers { return Handlers{Changed: func() { signal(s.poke) }} }

// feed returns a feed that has the list and watches.
func (s *server) feed(t *testing.T, w *Watcher) *Feed {
	t.Helper()
	f := mustFeed(t, w, s.handlers(), mustParse(t, "configmaps.v1"))
	await(t, s.poke, "the feed is synced", f.Synced)
	return f
}

func (s *server) write(t *testing.T, verb string, u *unstructured.Unstructured) {
	t.Helper()
	var err error
	r := s.Resource(configMaps).Namespace(u.GetNamespace())
	switch verb {
	case "create":
		_, err = r.Create(t.Context(), u, metav1.CreateOptions{})
	case "update":
		_, err = r.Update(t.Context(), u, metav1.UpdateOptions{})
	case "delete":
		err = r.Delete(t.Context(), u.GetName(), metav1.DeleteOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) awaitVersion(t *testing.T, f *Feed, v uint64) {
	t.Helper()
	await(t, s.poke, fmt.Sprint("there is version ", v), func() bool { return f.Version() >= v })
}

func TestFeedFollowsTheServer(t *testing.T) {
	first := configMap("ns", "a", "1", "x")
	first.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubectl"}})
	first.SetLabels(map[string]string{"l": "v"})
	first.SetGeneration(7)
	first.SetCreationTimestamp(metav1.Unix(12, 0))
	s := newServer(first)
	f := s.feed(t, s.watcher(t))

	changes, now, ok := f.Since(0)
	if diff := cmp.Diff([]string{"+0 ns/a 1"}, texts(changes)); diff != "" || !ok || now != 1 {
		t.Fatalf("version %d, %v (-want +got):\n%s", now, ok, diff)
	}
	o := *changes[0].Object
	if strings.Contains(string(o.JSON), "managedFields") || !strings.Contains(string(o.JSON), `"data":{"d":"x"}`) {
		t.Errorf("got %s, want it without managed fields", o.JSON)
	}
	if o.Generation != 7 || o.CreatedUnixNano != 12e9 || o.Labels["l"] != "v" {
		t.Errorf("got %+v", o)
	}
	s.write(t, "create", configMap("ns", "b", "2", "y"))
	s.awaitVersion(t, f, 2)
	s.write(t, "update", configMap("ns", "a", "1", "z"))
	s.awaitVersion(t, f, 3)
	s.write(t, "delete", configMap("ns", "b", "2", "y"))
	s.awaitVersion(t, f, 4)
	changes, _, _ = f.Since(1)
	if diff := cmp.Diff([]string{"~0 ns/a 1"}, texts(changes)); diff != "" {
		t.Errorf("since 1 (-want +got):\n%s", diff)
	}
	changes, _, _ = f.Since(2)
	if diff := cmp.Diff([]string{"~0 ns/a 1", "-0 ns/b 2"}, texts(changes)); diff != "" {
		t.Errorf("since 2 (-want +got):\n%s", diff)
	}
	if raw, ok := f.Get(0, "ns", "a"); !ok || !strings.Contains(string(raw), `"z"`) {
		t.Errorf("got %s, %v", raw, ok)
	}
	if _, ok := f.Get(0, "ns", "b"); ok {
		t.Error("got an object that was deleted")
	}
}

func TestProblemsAreReportedOnce(t *testing.T) {
	quotas := schema.GroupResource{Resource: "configmaps"}
	tests := map[string]struct {
		err  error
		want string
	}{
		"missing":      {apierrors.NewNotFound(quotas, ""), "configmaps.v1 is not installed; waiting for it"},
		"forbidden":    {apierrors.NewForbidden(quotas, "", nil), "cannot list configmaps: forbidden: grant list and watch to the scheduler's service account"},
		"unauthorized": {apierrors.NewUnauthorized("x"), "cannot list configmaps: unauthorized: the API server does not accept the scheduler's credentials"},
		"other":        {errors.New("no route"), "cannot list configmaps: no route"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(configMap("ns", "a", "1", "x"))
			s.fail("list", tc.err)
			f := mustFeed(t, s.watcher(t), s.handlers(), mustParse(t, "configmaps.v1"))
			for s.count("list") < 10 {
				time.Sleep(time.Millisecond)
			}
			if f.Synced() {
				t.Error("synced without a list")
			}
			if diff := cmp.Diff([]string{tc.want}, f.Problems()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			s.fail("list", nil)
			await(t, s.poke, "it works", func() bool { return len(s.reported()) > 1 })
			if diff := cmp.Diff([]string{tc.want + " false", tc.want + " true"}, s.reported()); diff != "" {
				t.Errorf("reports (-want +got):\n%s", diff)
			}
			if !f.Synced() || f.Version() != 1 || len(f.Problems()) != 0 {
				t.Errorf("got synced %v, version %d, problems %v", f.Synced(), f.Version(), f.Problems())
			}
		})
	}
}

func TestObjectsThatAreTooLargeAreLeftOut(t *testing.T) {
	s := newServer(configMap("ns", "a", "1", "small"))
	f := s.feed(t, s.watcher(t))
	s.write(t, "update", configMap("ns", "a", "1", strings.Repeat("x", 2000)))
	s.awaitVersion(t, f, 2)
	if _, ok := f.Get(0, "ns", "a"); ok {
		t.Error("got an object that is too large")
	}
	if got := strings.Join(f.Problems(), ""); !strings.Contains(got, "leaving out configmaps ns/a: its JSON has") {
		t.Errorf("got problems %q", got)
	}
	s.write(t, "update", configMap("ns", "a", "1", "small again"))
	s.awaitVersion(t, f, 3)
	await(t, s.poke, "it is solved", func() bool { return len(s.reported()) == 2 })
	if got := f.Problems(); len(got) > 0 {
		t.Errorf("got problems %q, want none", got)
	}
}

func TestFeedsShareAWatchUntilTheLastCloses(t *testing.T) {
	s := newServer(configMap("ns", "a", "1", "x"))
	w := s.watcher(t)
	a, b := s.feed(t, w), s.feed(t, w)
	if got := s.count("list"); got != 1 {
		t.Errorf("got %d lists, want 1", got)
	}
	if one, _, _ := a.Since(0); len(one) == 1 {
		if two, _, _ := b.Since(0); len(two) != 1 || one[0].Object != two[0].Object {
			t.Error("feeds do not share the object")
		}
	}
	a.Close()
	s.write(t, "create", configMap("ns", "b", "2", "y"))
	s.awaitVersion(t, b, 2)
	if a.Version() != 1 {
		t.Error("a closed feed goes on")
	}
	b.Close()
	b.Close()
	if len(w.collections) != 0 {
		t.Error("a watch goes on that nobody needs")
	}
	w.Close()
	if _, err := w.NewFeed(nil, Handlers{}); !errors.Is(err, ErrClosed) {
		t.Errorf("got error %v, want %v", err, ErrClosed)
	}
	if _, err := w.NewFeed([]Source{{}}, Handlers{}); err == nil {
		t.Error("got no error for a source of nothing")
	}
}

func TestObjectsOfAResourceThatIsGoneAreGone(t *testing.T) {
	_, sources, collections := offline(t, Options{}, "a.v1")
	c := collections[0]
	if err := c.Replace([]any{configMap("ns", "a", "1", "x")}, ""); err != nil {
		t.Fatal(err)
	}
	missing := apierrors.NewNotFound(sources[0].Resource.GroupResource(), "")
	for i := range goneAfter {
		if len(c.objects) != 1 {
			t.Fatalf("the object is gone after %d attempts", i)
		}
		c.ended(missing)
	}
	if len(c.objects) != 0 {
		t.Error("the object is still there")
	}
}

func TestForgottenDeletions(t *testing.T) {
	w, sources, c := offline(t, Options{MaxTombstones: 2}, "a.v1")
	f := mustFeed(t, w, Handlers{}, sources...)
	for i := range 4 {
		put(t, c[0], configMap("", fmt.Sprint(i), fmt.Sprint(i), "x"))
	}
	for i := range 3 { // versions 5, 6, 7; the first is forgotten
		if err := c[0].Delete(configMap("", fmt.Sprint(i), "", "")); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		since  uint64
		want   []string
		wantOK bool
	}{
		"new":             {0, []string{"+0 3 3"}, true},
		"missed it":       {4, nil, false},
		"was told of it":  {5, []string{"-0 1 1", "-0 2 2"}, true},
		"up to date":      {7, nil, true},
		"from the future": {8, nil, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			changes, now, ok := f.Since(tc.since)
			if diff := cmp.Diff(tc.want, texts(changes)); diff != "" || ok != tc.wantOK || now != 7 {
				t.Errorf("got version %d, %v (-want +got):\n%s", now, ok, diff)
			}
		})
	}
}

// For the race detector: feeds that come and go until the watcher is closed under them, and guests that read,
// while a server is written to.
func TestHammer(t *testing.T) {
	s := newServer()
	w := NewWatcher(s, s.options())
	var writers, readers sync.WaitGroup
	for i := range 3 { // The fake server panics with more than 100 events at once.
		writers.Go(func() {
			for n, verb := range strings.Fields(strings.Repeat("create update update delete ", 8)) {
				s.write(t, verb, configMap("ns", fmt.Sprint(i), fmt.Sprint(n/4), fmt.Sprint(n)))
			}
		})
	}
	for range 4 {
		readers.Go(func() { useFeeds(t, w, mustParse(t, "configmaps.v1")) })
	}
	writers.Wait()
	time.Sleep(10 * time.Millisecond)
	w.Close()
	readers.Wait()
}

// The same with much more to do, and nothing in between.
func TestHammerCollections(t *testing.T) {
	w, sources, collections := offline(t, Options{MaxTombstones: 20}, "a.v1", "b.v1", "c.v1")
	var writers, readers sync.WaitGroup
	for i, c := range collections {
		writers.Go(func() {
			world := &world{
				t: t, r: rand.New(rand.NewPCG(1, uint64(i))), collections: []*collection{c},
				objects: []map[key]*unstructured.Unstructured{{}},
			}
			for range 2000 {
				world.step()
			}
		})
	}
	for range 4 {
		readers.Go(func() { useFeeds(t, w, sources...) })
	}
	writers.Wait()
	w.Close()
	readers.Wait()
}

// useFeeds opens feeds, reads from them and closes them until the watcher is closed.
func useFeeds(t *testing.T, w *Watcher, sources ...Source) {
	for {
		l := &listener{known: state{}}
		f, err := w.NewFeed(sources, Handlers{Change: l.take, Changed: func() {}})
		if errors.Is(err, ErrClosed) {
			return
		}
		g := &replica{known: state{}}
		for range 50 {
			g.read(t, f)
			f.Get(0, "ns", "1")
			f.Problems()
			f.Synced()
		}
		f.Close()
		if len(l.errs) > 0 {
			t.Error(l.errs[0])
		}
	}
}
