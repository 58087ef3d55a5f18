// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStalled is a server that answers too slowly to wait for.
var ErrStalled = errors.New("the server stalled")

// minProgress is how many bytes of a response must come in each period. Timeouts of a transport end when the
// headers are there, so that without this a server could hold a fetch by a byte now and then up to its timeout.
const minProgress = 4 << 10

// StallGuard cuts responses off that do not come on: within each period of a request 4 KiB of the response must
// arrive, or its end. The first period begins with the request, so that it is also the time to connect. Whoever gets
// the body must read it without pause, and close it.
func StallGuard(next http.RoundTripper, period time.Duration) http.RoundTripper {
	return &stallGuard{next, period}
}

type stallGuard struct {
	next   http.RoundTripper
	period time.Duration
}

// RoundTrip implements http.RoundTripper. The watchdog runs until the body is closed.
func (g *stallGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	dog := startWatchdog(ctx, cancel, g.period)
	response, err := g.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		err = dog.explain(err)
		dog.stop()
		return nil, err
	}
	response.Body = &guardedBody{response.Body, dog}
	return response, nil
}

// watchdog ends a request that makes no progress.
type watchdog struct {
	period time.Duration
	// ctx is the request's own, to see why it ended.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// read is the bytes of this period.
	read atomic.Int64

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	stopped bool
}

func startWatchdog(ctx context.Context, cancel context.CancelCauseFunc, period time.Duration) *watchdog {
	d := &watchdog{period: period, ctx: ctx, cancel: cancel}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer = time.AfterFunc(period, d.look)
	return d
}

func (d *watchdog) look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.stopped:
	case d.read.Swap(0) < minProgress:
		d.cancel(fmt.Errorf("%w: less than %d bytes came in %v", ErrStalled, minProgress, d.period))
	default:
		d.timer.Reset(d.period)
	}
}

func (d *watchdog) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	d.timer.Stop()
	d.cancel(nil)
}

// explain says why a request was cancelled, if we did that.
func (d *watchdog) explain(err error) error {
	if cause := context.Cause(d.ctx); errors.Is(cause, ErrStalled) {
		return cause
	}
	return err
}

type guardedBody struct {
	io.ReadCloser
	dog *watchdog
}

// Read implements io.Reader.
func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.dog.read.Add(int64(n))
	if err != nil {
		// A request that was cut off may end like a complete one.
		err = b.dog.explain(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *guardedBody) Close() error {
	b.dog.stop()
	return b.ReadCloser.Close()
}
