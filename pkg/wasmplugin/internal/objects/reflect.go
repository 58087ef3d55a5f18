// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
)

// goneAfter is how often in a row a resource must be missing for its objects to be taken for
// deleted. When a definition is deleted, its objects are so before, and the watch says so; this is
// for a scheduler that was cut off meanwhile. With the default times that is half a minute, so that
// a server that does not know all resources while it starts does no harm.
const goneAfter = 5

// run fills the collection until ctx ends.
func (c *collection) run(ctx context.Context, client dynamic.Interface) {
	// Of requests that were given up, wait for the end.
	defer func() { c.calls.Lock(); c.calls.Unlock() }() //nolint:staticcheck // holding it is the point
	r := cache.NewReflectorWithOptions(c.lister(client), &unstructured.Unstructured{}, c, c.reflectorOptions())
	for delay := c.opts.MinRetry; ctx.Err() == nil; delay = min(2*delay, c.opts.MaxRetry) {
		began := time.Now()
		err := r.ListAndWatchWithContext(ctx)
		if ctx.Err() != nil {
			return
		}
		c.ended(err)
		if time.Since(began) > c.opts.MaxRetry {
			delay = c.opts.MinRetry
		}
		select {
		case <-ctx.Done():
		case <-time.After(spread(delay)):
		}
	}
}

// spread makes a time up to half as long again, so that what failed together is not tried together.
func spread(d time.Duration) time.Duration { return d + rand.N(d/2+1) }

// reflectorOptions are for the retries that a reflector does itself, as when nothing answers.
func (c *collection) reflectorOptions() cache.ReflectorOptions {
	return cache.ReflectorOptions{
		Name: "stowage", TypeDescription: c.source.String(),
		Backoff: &wait.Backoff{
			Duration: c.opts.MinRetry, Cap: c.opts.MaxRetry, Factor: 2, Jitter: 0.5, Steps: 64,
		},
	}
}

// ended handles the end of an attempt to list and watch; err is nil if a watch ended as they do.
func (c *collection) ended(err error) {
	if err == nil {
		return
	}
	if apierrors.IsNotFound(err) {
		if c.missing++; c.missing == goneAfter {
			c.forget()
		}
	}
	c.trouble.failed("read", err)
}

// forget takes all objects for deleted, if there were any.
func (c *collection) forget() {
	c.mu.Lock()
	synced := c.synced
	c.mu.Unlock()
	if synced {
		c.commit(nil, true)
		c.trouble.refuseOnly(nil)
	}
}

// lister makes the requests of a collection and notes how they end.
type lister struct {
	*collection
	resource dynamic.ResourceInterface
}

func (c *collection) lister(client dynamic.Interface) cache.ListerWatcher {
	l := lister{c, client.Resource(c.source.Resource).Namespace(c.source.Namespace)}
	return listWatch{&cache.ListWatch{ListWithContextFunc: l.list, WatchFuncWithContext: l.watch}}
}

// listWatch keeps the reflector from listing by a watch. That makes two requests of each failure,
// and sleeps without regard to the end of the context when nothing answers.
type listWatch struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is what a reflector asks.
func (listWatch) IsWatchListSemanticsUnSupported() bool { return true }

func (l lister) list(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
	l.calls.RLock()
	defer l.calls.RUnlock()
	l.restrict(&opts)
	list, err := l.resource.List(ctx, opts)
	if err != nil {
		l.note(ctx, "list", err)
		return nil, err
	}
	return list, nil
}

func (l lister) watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	l.calls.RLock()
	defer l.calls.RUnlock()
	l.restrict(&opts)
	w, err := l.resource.Watch(ctx, opts)
	if err != nil {
		l.note(ctx, "watch", err)
		return nil, err
	}
	// Nobody watches what could not be listed, so that both work now.
	l.trouble.solved()
	return w, nil
}

func (l lister) restrict(opts *metav1.ListOptions) {
	opts.LabelSelector, opts.FieldSelector = l.source.LabelSelector, l.source.FieldSelector
}

// note reports why a request failed, unless it was given up.
func (l lister) note(ctx context.Context, verb string, err error) {
	if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		l.trouble.failed(verb, err)
	}
}
