// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// server is a fake API server that may refuse, and whose watches may end.
type server struct {
	*fake.Clientset
	mu       sync.Mutex
	errs     map[string]error // by verb
	watches  []watch.Interface
	watched  chan struct{}
	selector []string // of lists and watches
}

func newServer(objects ...runtime.Object) *server {
	s := &server{Clientset: fake.NewClientset(objects...), errs: map[string]error{}, watched: make(chan struct{}, 100)}
	s.PrependReactor("*", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if list, ok := a.(clienttesting.ListAction); ok {
			s.selector = append(s.selector, list.GetListRestrictions().Fields.String())
		}
		err := s.errs[a.GetVerb()]
		return err != nil, nil, err
	})
	s.PrependWatchReactor("*", func(a clienttesting.Action) (bool, watch.Interface, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.errs["watch"]; err != nil {
			return true, nil, err
		}
		restrictions := a.(clienttesting.WatchAction).GetWatchRestrictions()
		s.selector = append(s.selector, restrictions.Fields.String())
		w, err := s.Tracker().Watch(a.GetResource(), a.GetNamespace())
		s.watches = append(s.watches, w)
		s.watched <- struct{}{}
		return true, w, err
	})
	return s
}

func (s *server) fail(err error, verbs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, verb := range verbs {
		s.errs[verb] = err
	}
}

// cut ends all watches, as a server does that restarts.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.watches {
		w.Stop()
	}
	s.watches = nil
}

func (s *server) put(t testing.TB, obj runtime.Object) {
	t.Helper()
	var err error
	switch obj := obj.(type) {
	case *corev1.ConfigMap:
		if _, err = s.CoreV1().ConfigMaps(obj.Namespace).Update(t.Context(), obj, metav1.UpdateOptions{}); apierrors.IsNotFound(err) {
			_, err = s.CoreV1().ConfigMaps(obj.Namespace).Create(t.Context(), obj, metav1.CreateOptions{})
		}
	case *corev1.Secret:
		if _, err = s.CoreV1().Secrets(obj.Namespace).Update(t.Context(), obj, metav1.UpdateOptions{}); apierrors.IsNotFound(err) {
			_, err = s.CoreV1().Secrets(obj.Namespace).Create(t.Context(), obj, metav1.CreateOptions{})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "ns", Name: name} }

// configMap and secret have keys and values in turn.
func configMap(name string, data ...string) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{ObjectMeta: meta(name), Data: map[string]string{}}
	for i := 0; i < len(data); i += 2 {
		cm.Data[data[i]] = data[i+1]
	}
	return cm
}

func binary(name string, data ...string) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{ObjectMeta: meta(name), BinaryData: map[string][]byte{}}
	for i := 0; i < len(data); i += 2 {
		cm.BinaryData[data[i]] = []byte(data[i+1])
	}
	return cm
}

func secret(name string, data ...string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: meta(name), Data: binary("", data...).BinaryData}
}

// sourceOf is the source of key "p" in the object zone of the kind.
func sourceOf(s *server, kind string, o source.Options) source.Source {
	from := source.NewConfigMap(s, "ns", "zone", "p", o)
	if kind == "Secret" {
		from = source.NewSecret(s, "ns", "zone", "p", o)
	}
	source.RetryEvery(from, 20*time.Millisecond)
	return from
}

func TestFetchObject(t *testing.T) {
	gz := string(gzipped(t, "\x00asm"))
	tests := map[string]struct {
		object  runtime.Object
		kind    string
		options source.Options
		want    *source.Blob
	}{
		"text":            {configMap("zone", "p", "a: 1"), "ConfigMap", options, signed("a: 1", "a: 1", "")},
		"binary":          {binary("zone", "p", gz), "ConfigMap", options, signed(gz, "\x00asm", "")},
		"secret":          {secret("zone", "p", gz), "Secret", options, signed(gz, "\x00asm", "")},
		"signed":          {configMap("zone", "p", "a", "p.sigstore.json", "{}"), "ConfigMap", options, signed("a", "a", "{}", "{}")},
		"signed secret":   {secret("zone", "p", "a", "p.sigstore.json", "[{},1]"), "Secret", options, signed("a", "a", "[{},1]", "{}", "1")},
		"not of interest": {configMap("zone", "p", "a", "p.sigstore.json", "{}"), "ConfigMap", source.Options{Limit: 1}, signed("a", "a", "")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			api := newServer(tc.object, configMap("other", "p", "b"))
			s := sourceOf(api, tc.kind, tc.options)
			got := mustFetch(t, s, "")
			checkBlob(t, tc.want, got)
			wantUnchanged(t, s, got.Version)
		})
	}
}

func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "zone", errors.New("no role"))
}

func TestFetchObjectProblems(t *testing.T) {
	tests := map[string]struct {
		object runtime.Object
		kind   string
		err    error
		is     func(error) bool
		want   string
	}{
		"missing object": {
			object: configMap("other", "p", "b"), kind: "ConfigMap", is: apierrors.IsNotFound,
			want: `reading ConfigMap ns/zone, key p: it does not exist: create it: configmaps "zone" not found`,
		},
		"missing key": {
			object: configMap("zone", "q", "b", "P", ""), kind: "ConfigMap", is: invalid,
			want: `reading ConfigMap ns/zone, key p: content is not valid: there is no such key (there is: P, q); add it, and if it does not fit into the 1 MiB that a ConfigMap may have, compress it with gzip -9 or zstd -19 or get it by oci or http`,
		},
		"no keys": {
			object: secret("zone"), kind: "Secret", is: invalid,
			want: `reading Secret ns/zone, key p: content is not valid: there is no such key (there is: no other either); add it, and if it does not fit into the 1 MiB that a Secret may have, compress it with gzip -9 or zstd -19 or get it by oci or http`,
		},
		"empty": {
			object: secret("zone", "p", ""), kind: "Secret", is: invalid,
			want: `reading Secret ns/zone, key p: content is not valid: it is empty`,
		},
		"too large": {
			object: secret("zone", "p", "0123456789"), kind: "Secret", is: func(err error) bool { return errors.Is(err, source.ErrTooLarge) },
			want: `reading Secret ns/zone, key p: content is too large: the limit is 9 bytes`,
		},
		"forbidden": {
			object: secret("zone", "p", "0"), kind: "Secret", err: forbidden("secrets"), is: apierrors.IsForbidden,
			want: `reading Secret ns/zone, key p: the scheduler's service account may not get it: grant get, list and watch on secrets in namespace ns, where resourceNames: [zone] is enough: secrets "zone" is forbidden: no role`,
		},
		"out of order": {
			object: configMap("zone"), kind: "ConfigMap", err: errors.New("connection refused"), is: func(error) bool { return true },
			want: `reading ConfigMap ns/zone, key p: connection refused`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			api := newServer(tc.object)
			api.fail(tc.err, "get")
			_, err := sourceOf(api, tc.kind, source.Options{Limit: 9, Signatures: true}).Fetch(t.Context(), "")
			if err == nil || !tc.is(err) {
				t.Fatalf("error %v is not of the right kind", err)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("error (-want,+got):\n%s", diff)
			}
		})
	}
}

func invalid(err error) bool { return errors.Is(err, source.ErrInvalid) }

func TestWatchObject(t *testing.T) {
	for kind, object := range map[string]func(name string, data ...string) runtime.Object{
		"ConfigMap": func(name string, data ...string) runtime.Object { return configMap(name, data...) },
		"Secret":    func(name string, data ...string) runtime.Object { return secret(name, data...) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			api := newServer(object("zone", "p", "first"), object("other", "p", "x"))
			s := sourceOf(api, kind, options)
			w := startWatch(t, s)
			w.await(t, "it watches")
			<-api.watched
			known := mustFetch(t, s, "")

			// Neither another key nor another object is a change; that they were seen is known from what comes after.
			api.put(t, object("zone", "p", "first", "q", "new"))
			api.put(t, object("other", "p", "y"))
			api.put(t, object("zone", "p", "second"))
			w.await(t, "second")
			checkBlob(t, signed("second", "second", ""), mustFetch(t, s, known.Version))
			w.none(t, "it changed once")

			api.put(t, object("zone", "p", "second", "p.sigstore.json", "{}"))
			w.await(t, "signature")
			checkBlob(t, signed("second", "second", "{}", "{}"), mustFetch(t, s, digest("second")))

			api.remove(t, kind)
			w.await(t, "deletion")
			if _, err := s.Fetch(t.Context(), ""); !apierrors.IsNotFound(err) {
				t.Errorf("error is %v, want that it does not exist", err)
			}
			api.put(t, object("zone", "p", "third"))
			w.await(t, "made again")
			checkBlob(t, signed("third", "third", ""), mustFetch(t, s, ""))
			api.put(t, object("zone", "q", "third"))
			w.await(t, "the key is gone")
			if _, err := s.Fetch(t.Context(), ""); !invalid(err) {
				t.Errorf("error is %v, want that there is no such key", err)
			}
			for _, selector := range api.selectors() {
				if diff := cmp.Diff("metadata.name=zone", selector); diff != "" {
					t.Errorf("selector (-want,+got):\n%s", diff)
				}
			}
		})
	}
}

func (s *server) selectors() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.selector
}

func (s *server) remove(t testing.TB, kind string) {
	t.Helper()
	resource := strings.ToLower(kind) + "s"
	if err := s.Tracker().Delete(schema.GroupVersionResource{Version: "v1", Resource: resource}, "ns", "zone"); err != nil {
		t.Fatal(err)
	}
}

// The server restarts, and the object changes while nobody watches.
func TestWatchObjectAfterRestart(t *testing.T) {
	t.Parallel()
	api := newServer(configMap("zone", "p", "first"))
	s := sourceOf(api, "ConfigMap", options)
	w := startWatch(t, s)
	w.await(t, "it watches")
	<-api.watched
	api.fail(errors.New("connection refused"), "list", "watch")
	api.cut()
	api.put(t, configMap("zone", "p", "second"))
	api.fail(nil, "list", "watch")
	w.await(t, "what changed meanwhile")
	checkBlob(t, signed("second", "second", ""), mustFetch(t, s, ""))
	<-api.watched
	api.cut()
	<-api.watched
	w.none(t, "nothing changed meanwhile")
}

func TestWatchObjectThatComesLater(t *testing.T) {
	t.Parallel()
	api := newServer()
	s := sourceOf(api, "Secret", options)
	w := startWatch(t, s)
	w.await(t, "it watches")
	<-api.watched
	api.put(t, secret("zone", "p", "first"))
	w.await(t, "it is there")
	checkBlob(t, signed("first", "first", ""), mustFetch(t, s, ""))
}

// Without permission to list or watch, the object is polled and that is reported once; when it is granted, it is watched.
func TestWatchObjectWithoutPermission(t *testing.T) {
	for _, verb := range []string{"list", "watch"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			api := newServer(configMap("zone", "p", "first"))
			api.fail(forbidden("configmaps"), verb)
			o := options
			reports := make(chan error, 100)
			o.Report = func(err error) { reports <- err }
			s := sourceOf(api, "ConfigMap", o)
			w := startWatch(t, s)
			want := `watching ConfigMap ns/zone, key p: the scheduler's service account may not ` + verb +
				` it: grant get, list and watch on configmaps in namespace ns, where resourceNames: [zone] is enough: ` +
				`configmaps "zone" is forbidden: no role: reading it now and then instead`
			if diff := cmp.Diff(want, (<-reports).Error()); diff != "" {
				t.Errorf("report (-want,+got):\n%s", diff)
			}
			w.await(t, "poll")
			api.put(t, configMap("zone", "p", "second"))
			w.awaitContent(t, s, "second")
			w.await(t, "another poll")
			api.fail(nil, verb)
			<-api.watched
			api.put(t, configMap("zone", "p", "third"))
			w.awaitContent(t, s, "third")
			if len(reports) > 0 {
				t.Errorf("it was reported again: %v", <-reports)
			}
		})
	}
}

func TestWatchObjectEndsWhileTheServerIsOut(t *testing.T) {
	api := newServer()
	api.fail(errors.New("connection refused"), "list")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		sourceOf(api, "Secret", options).Watch(ctx, func() { t.Error("there was a change") })
	}()
	for len(api.selectors()) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
}

func TestToken(t *testing.T) {
	api := newServer(secret("zone", "p", "abc\n"))
	got, err := source.Token(sourceOf(api, "Secret", source.Options{Limit: 100}))(t.Context())
	if err != nil || got != "abc" {
		t.Errorf("token is %q, %v, want abc", got, err)
	}
	api.remove(t, "Secret")
	if _, err := source.Token(sourceOf(api, "Secret", source.Options{Limit: 100}))(t.Context()); !apierrors.IsNotFound(err) {
		t.Errorf("error is %v, want that it does not exist", err)
	}
}
