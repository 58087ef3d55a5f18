// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// awaitTimeout is far more than anything takes.
const awaitTimeout = 30 * time.Second

var options = source.Options{Limit: limit, Signatures: true}

func gzipped(t testing.TB, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(content))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstded(t testing.TB, content string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(content), nil)
}

func digest(content string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content))) }

// mustFetch returns what there is.
func mustFetch(t testing.TB, s source.Source, known string) *source.Blob {
	t.Helper()
	blob, err := s.Fetch(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

// wantUnchanged fetches what is known.
func wantUnchanged(t testing.TB, s source.Source, known string) {
	t.Helper()
	if blob, err := s.Fetch(t.Context(), known); !errors.Is(err, source.ErrUnchanged) {
		t.Errorf("Fetch() of what is known = %v, %v, want ErrUnchanged", blob, err)
	}
}

// signed is a blob with signatures.
func signed(stored, content, bundle string, signatures ...string) *source.Blob {
	b := &source.Blob{Stored: []byte(stored), Content: []byte(content), Version: digest(stored)}
	if bundle != "" {
		b.Version += "+" + digest(bundle)
	}
	for _, s := range signatures {
		b.Signatures = append(b.Signatures, source.Signature{Data: []byte(s)})
	}
	return b
}

func checkBlob(t testing.TB, want, got *source.Blob) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blob (-want,+got):\n%s", diff)
	}
}

// watching is a Watch that runs until the test ends.
type watching struct{ calls chan struct{} }

func startWatch(t testing.TB, s source.Source) *watching {
	t.Helper()
	w := &watching{make(chan struct{}, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Watch(ctx, func() { w.calls <- struct{}{} })
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return w
}

// await waits for a call.
func (w *watching) await(t testing.TB, what string) {
	t.Helper()
	select {
	case <-w.calls:
	case <-time.After(awaitTimeout):
		t.Fatalf("waited in vain for a change: %s", what)
	}
}

// awaitFetch waits for a call after which something else is fetched than what is known: there may be several
// calls for one change.
func (w *watching) awaitFetch(t testing.TB, s source.Source, known, what string) *source.Blob {
	t.Helper()
	for {
		w.await(t, what)
		blob, err := s.Fetch(t.Context(), known)
		if err == nil {
			return blob
		}
		if !errors.Is(err, source.ErrUnchanged) {
			t.Fatal(err)
		}
	}
}

// none checks that there was no call.
func (w *watching) none(t testing.TB, why string) {
	t.Helper()
	select {
	case <-w.calls:
		t.Errorf("there was a change: %s", why)
	default:
	}
}

func TestPollEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	source.Poll(ctx, time.Millisecond, func() {
		if calls++; calls == 3 {
			cancel()
		}
	})
	if diff := cmp.Diff(3, calls); diff != "" {
		t.Errorf("calls (-want,+got):\n%s", diff)
	}
}
