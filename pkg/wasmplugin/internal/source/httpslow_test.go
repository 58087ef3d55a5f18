// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// trickle sends headers and then a byte now and then, until the client leaves or the test ends.
func trickle(t testing.TB) http.HandlerFunc {
	ctx := t.Context()
	return func(w http.ResponseWriter, r *http.Request) {
		for ctx.Err() == nil && r.Context().Err() == nil {
			fmt.Fprint(w, "x")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	}
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestFetchHTTPFromSlowServers(t *testing.T) {
	for _, plain := range []bool{true, false} {
		web := newSite(t, plain)
		web.serve("/trickle", trickle(t))
		web.serve("/hang", hang)
		web.serve("/slow", func(w http.ResponseWriter, r *http.Request) {
			for range 1000 {
				_, err := io.WriteString(w, strings.Repeat("x", 8<<10))
				_ = http.NewResponseController(w).Flush()
				if err != nil || r.Context().Err() != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		stalled := "the server stalled: less than 4096 bytes came in 200ms"
		for name, tc := range map[string]struct {
			path           string
			timeout, stall time.Duration
			is             error
			want           string
		}{
			"trickle":          {"/trickle", time.Hour, 200 * time.Millisecond, source.ErrStalled, stalled},
			"no answer":        {"/hang", time.Hour, 200 * time.Millisecond, source.ErrStalled, stalled},
			"in time, too big": {"/slow", time.Hour, 10 * time.Second, source.ErrTooLarge, "content is too large: the limit is 1048576 bytes"},
			"too slow in all":  {"/slow", 100 * time.Millisecond, 10 * time.Second, context.DeadlineExceeded, "it took longer than 100ms: context deadline exceeded"},
			"no answer in all": {"/hang", 100 * time.Millisecond, 10 * time.Second, context.DeadlineExceeded, "it took longer than 100ms: context deadline exceeded"},
		} {
			t.Run(fmt.Sprintf("%s, plain %t", name, plain), func(t *testing.T) {
				s := web.source(t, tc.path, func(o *source.HTTPOptions) { o.Timeout, o.Stall = tc.timeout, tc.stall })
				_, err := s.Fetch(t.Context(), "")
				if !errors.Is(err, tc.is) {
					t.Errorf("error %v is not %v", err, tc.is)
				}
				if diff := cmp.Diff("downloading "+web.URL+tc.path+": "+tc.want, fmt.Sprint(err)); diff != "" {
					t.Errorf("error (-want,+got):\n%s", diff)
				}
			})
		}
	}
}

func TestFetchHTTPEndsWithItsContext(t *testing.T) {
	web := newSite(t, false)
	ctx, cancel := context.WithCancelCause(t.Context())
	web.serve("/p", func(w http.ResponseWriter, r *http.Request) {
		cancel(errors.New("shutting down"))
		hang(w, r)
	})
	_, err := web.source(t, "/p").Fetch(ctx, "")
	if diff := cmp.Diff("downloading "+web.URL+"/p: shutting down", fmt.Sprint(err)); diff != "" {
		t.Errorf("error (-want,+got):\n%s", diff)
	}
}

func TestWatchHTTP(t *testing.T) {
	web := newSite(t, false)
	web.serve("/p", text("one"))
	s := web.source(t, "/p", func(o *source.HTTPOptions) { o.PollInterval = 5 * time.Millisecond })
	known := mustFetch(t, s, "").Version
	w := startWatch(t, s)
	w.await(t, "poll")
	wantUnchanged(t, s, known)
	web.serve("/p", text("two"))
	checkBlob(t, signed("two", "two", ""), w.awaitFetch(t, s, known, "two"))
}

// A server that asks for time gets it, from who polls and from who tries again.
func TestHTTPRetryAfter(t *testing.T) {
	for name, after := range map[string]func() string{
		"seconds":  func() string { return "1" },
		"date":     func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) },
		"too long": func() string { return "99999999" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := newSite(t, false)
			web.serve("/p", status(http.StatusServiceUnavailable, "Retry-After", after()))
			s := web.source(t, "/p", func(o *source.HTTPOptions) { o.PollInterval = time.Millisecond })
			began := time.Now()
			if _, err := s.Fetch(t.Context(), ""); err == nil {
				t.Fatal("a busy server had content")
			}
			_, err := s.Fetch(t.Context(), "")
			want := "downloading " + web.URL + "/p: the server asked to be left alone for another "
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("error is %v, want %s", err, want)
			}
			if diff := cmp.Diff([]string{"/p"}, web.seen()); diff != "" {
				t.Errorf("requests (-want,+got):\n%s", diff)
			}
			if name == "too long" {
				if !strings.HasSuffix(err.Error(), "1h0m0s") {
					t.Errorf("error is %v, want an hour", err)
				}
				return
			}
			web.serve("/p", text("x"))
			w := startWatch(t, s)
			w.await(t, "poll")
			mustFetch(t, s, "")
			if took := time.Since(began); took < 900*time.Millisecond {
				t.Errorf("it was asked again after %v", took)
			}
		})
	}
}
