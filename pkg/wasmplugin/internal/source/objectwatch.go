// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// minRetry and maxRetry bound the time between attempts to list or watch an object, before it is made up to half as
// long again at random.
const (
	minRetry = time.Second
	maxRetry = 30 * time.Second
)

// Watch implements Source. While the object must not be listed or watched, it is polled: it may be that it can still
// be read.
func (o *object) Watch(ctx context.Context, changed func()) {
	w := &objectWatch{object: o, changed: changed}
	r := cache.NewReflectorWithOptions(objectLister{w}, o.example, w, cache.ReflectorOptions{
		Name: "stowage", TypeDescription: o.String(),
		Backoff: &wait.Backoff{Duration: o.minRetry, Cap: o.maxRetry, Factor: 2, Jitter: 0.5, Steps: 64},
	})
	for delay := o.minRetry; ; delay = min(2*delay, o.maxRetry) {
		began := time.Now()
		// How it ended is known from the requests themselves.
		_ = r.ListAndWatchWithContext(ctx)
		if time.Since(began) > o.maxRetry {
			delay = o.minRetry
		}
		if !pause(ctx, spread(delay, 2)) {
			return
		}
		if w.refused() {
			// When permission is there again, so is a change.
			w.last = ""
			changed()
		}
	}
}

// objectWatch is the store that a reflector fills. It keeps nothing but the version of the key, and holds that a
// server may not heed the selector.
type objectWatch struct {
	*object
	changed func()

	// last is the version that changed was called for last, empty before. Only the goroutine of Watch uses it.
	last string

	mu sync.Mutex // guards what follows
	// denied is whether the last request was refused for want of permission.
	denied bool
}

var _ cache.ReflectorStore = (*objectWatch)(nil)

// Add implements cache.ReflectorStore.
func (w *objectWatch) Add(obj any) error { return w.Update(obj) }

// Update implements cache.ReflectorStore.
func (w *objectWatch) Update(obj any) error {
	if o, ok := obj.(runtime.Object); ok && w.is(o) {
		w.now(w.version(valuesOf(o)))
	}
	return nil
}

// Delete implements cache.ReflectorStore.
func (w *objectWatch) Delete(obj any) error {
	if o, ok := obj.(runtime.Object); ok && w.is(o) {
		w.now(versionNone)
	}
	return nil
}

// Replace implements cache.ReflectorStore.
func (w *objectWatch) Replace(items []any, _ string) error {
	version := versionNone
	for _, item := range items {
		if o, ok := item.(runtime.Object); ok && w.is(o) {
			version = w.version(valuesOf(o))
		}
	}
	w.now(version)
	return nil
}

// Resync implements cache.ReflectorStore. Nobody asks for it.
func (w *objectWatch) Resync() error { return nil }

func (w *objectWatch) is(obj runtime.Object) bool {
	accessor, err := meta.Accessor(obj)
	return err == nil && accessor.GetName() == w.name && accessor.GetNamespace() == w.namespace
}

func (w *objectWatch) now(version string) {
	if w.last != version {
		w.last = version
		w.changed()
	}
}

func (w *objectWatch) refused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.denied
}

// ended notes how a request ended, and reports when permission is first missing.
func (w *objectWatch) ended(ctx context.Context, verb string, err error) {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return
	}
	denied := apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err)
	w.mu.Lock()
	report := denied && !w.denied && w.options.Report != nil
	w.denied = denied
	w.mu.Unlock()
	if report {
		w.options.Report(fmt.Errorf("watching %s: %w: reading it now and then instead", w, w.explain(verb, err)))
	}
}

// objectLister makes the requests of a watch.
type objectLister struct{ *objectWatch }

// IsWatchListSemanticsUnSupported keeps the reflector from listing by a watch, which makes two requests of each
// failure and does not end at once with its context.
func (objectLister) IsWatchListSemanticsUnSupported() bool { return true }

// List implements cache.Lister.
func (l objectLister) List(options metav1.ListOptions) (runtime.Object, error) {
	return l.ListWithContext(context.Background(), options)
}

// ListWithContext implements cache.ListerWithContext.
func (l objectLister) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	l.restrict(&options)
	list, err := l.lists.ListWithContextFunc(ctx, options)
	if err != nil {
		l.ended(ctx, "list", err)
	}
	return list, err
}

// Watch implements cache.Watcher.
func (l objectLister) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(context.Background(), options)
}

// WatchWithContext implements cache.WatcherWithContext. When a watch begins, the list before it worked too.
func (l objectLister) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	l.restrict(&options)
	w, err := l.lists.WatchFuncWithContext(ctx, options)
	l.ended(ctx, "watch", err)
	return w, err
}

// restrict asks for the one object, which is all that a role with resourceNames lets one have.
func (l objectLister) restrict(options *metav1.ListOptions) {
	options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, l.name).String()
}
