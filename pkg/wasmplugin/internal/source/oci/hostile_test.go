// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source/oci"
)

// at is what a registry does when it is asked for something whose path contains part.
func at(part string, then http.HandlerFunc) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, part) {
			then(w, r)
			return true
		}
		return false
	}
}

// endless sends zeros until the other side has enough.
func endless(w http.ResponseWriter, _ *http.Request) {
	for chunk := make([]byte, 64<<10); ; {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// trickle sends a byte now and then.
func trickle(w http.ResponseWriter, r *http.Request) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
			if _, err := w.Write([]byte{' '}); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	}
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func manifestType(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", imageType)
		next(w, r)
	}
}

// Whatever a registry does, Fetch ends soon, with an error that says what it was.
func TestHostileRegistries(t *testing.T) {
	h := newHub(t)
	digest := h.push(t, wasmType, wasm)
	blob := "/blobs/" + digestOf(wasm)
	other := h.manifest(t, "other", imageType, image(h.layer(t, wasmType, []byte("other"))))
	loop := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
	}
	for name, tc := range map[string]struct {
		ref  string
		evil func(w http.ResponseWriter, r *http.Request) bool
		want string
		is   error
	}{
		"layer of another digest":    {":v1", at(blob, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "\x00asmEVIL") }), "error verifying sha256 checksum", nil},
		"layer cut short":            {":v1", at(blob, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "\x00as") }), "error verifying sha256 checksum", nil},
		"manifest of another digest": {"@" + digest, at("/manifests/", manifestType(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%s", other) })), "does not match requested digest", nil},
		"endless layer":              {":v1", at(blob, endless), "sends more than 65536 bytes", source.ErrTooLarge},
		"endless manifest":           {":v1", at("/manifests/", manifestType(endless)), "sends more than 4194304 bytes", source.ErrTooLarge},
		"endless ping":               {":v1", func(w http.ResponseWriter, r *http.Request) bool { endless(w, r); return true }, "sends more than 4194304 bytes", source.ErrTooLarge},
		"endless error":              {":v1", at("/manifests/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway); endless(w, r) }), "", nil},
		"lying about the length": {":v1", at(blob, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1099511627776")
			w.WriteHeader(http.StatusOK)
		}), "reading the layer", nil},
		// A server that notices that it is cut off may get an end of the answer in, which then is not what it says it is.
		"layer that trickles":    {":v1", at(blob, trickle), "", nil},
		"manifest that trickles": {":v1", at("/manifests/", manifestType(trickle)), "", nil},
		"no answer":              {":v1", at("/manifests/", silent), "the server stalled", source.ErrStalled},
		"no answer to pings":     {":v1", func(_ http.ResponseWriter, r *http.Request) bool { silent(nil, r); return true }, "the server stalled", source.ErrStalled},
		"layer in circles":       {":v1", at("/blobs/", loop), "redirects in circles", nil},
		"manifest in circles":    {":v1", at("/manifests/", loop), "redirects in circles", nil},
		"redirect to HTTP": {":v1", at(blob, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://blobs.example.com/x", http.StatusFound)
		}), "plain HTTP is not allowed", nil},
		"redirect to metadata": {":v1", at(blob, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://169.254.169.254/x", http.StatusFound)
		}), "169.254.169.254", nil},
		"index of what is gone": {":v1", at("/manifests/v1", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", indexType)
			fmt.Fprintf(w, `{"manifests":[{"mediaType":%q,"size":7,"digest":%q}]}`, imageType, digestOf([]byte("nowhere")))
		}), "MANIFEST_UNKNOWN", nil},
		"errors on the terminal": {":v1", at("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "\x1b[31m"+strings.Repeat("A", 1<<15), http.StatusBadGateway)
		}), "AAA...", nil},
		"manifest is not JSON": {":v1", at("/manifests/", manifestType(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{") })), "parsing the manifest", source.ErrInvalid},
		"manifest is null":     {":v1", at("/manifests/", manifestType(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "null") })), "it has 0 layers", source.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			h.turn(tc.evil)
			start := time.Now()
			_, err := h.source(t, tc.ref, func(o *oci.Options) { o.Stall = 300 * time.Millisecond; o.Limit = 8 << 10 }).Fetch(t.Context(), "")
			if err == nil || !strings.Contains(err.Error(), tc.want) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("error is %v, want %v with %q", err, tc.is, tc.want)
			}
			if d := time.Since(start); d > 5*time.Second || len(h.asked()) > 20 || err != nil && (len(err.Error()) > 1200 || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("it took %v and %d requests, and the error is %q", d, len(h.asked()), err)
			}
		})
	}
}

func TestFetchTimeout(t *testing.T) {
	h := newHub(t)
	h.push(t, wasmType, wasm)
	h.turn(at("/manifests/", silent))
	_, err := h.source(t, ":v1", func(o *oci.Options) { o.Timeout = 100 * time.Millisecond }).Fetch(t.Context(), "")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "giving up after 100ms") {
		t.Errorf("error is %v, want a deadline that says how long it was", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.source(t, ":v1").Fetch(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want Canceled", err)
	}
}

// The library tries HTTP for hosts that look local, as this one does; so that must not come through.
func TestPlainHTTP(t *testing.T) {
	h := newHub(t)
	digest := h.push(t, wasmType, wasm)
	plain := httptest.NewServer(h)
	t.Cleanup(plain.Close)
	options := oci.Options{Reference: strings.TrimPrefix(plain.URL, "http://") + "/" + repo + ":v1", Limit: 1 << 20}
	s, err := oci.New(options)
	if err != nil {
		t.Fatal(err)
	}
	h.turn(nil)
	if _, err = s.Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "plainHTTP") {
		t.Errorf("error is %v, want one that names plainHTTP", err)
	}
	if asked := h.asked(); len(asked) != 0 {
		t.Errorf("the registry was asked %q over HTTP", asked)
	}
	options.PlainHTTP = true
	if s, err = oci.New(options); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, s, "").Manifest; got != digest {
		t.Errorf("manifest is %s, want %s", got, digest)
	}
}

func TestCertificates(t *testing.T) {
	h := newHub(t)
	h.push(t, wasmType, wasm)
	if _, err := h.source(t, ":v1", func(o *oci.Options) { o.CAFile = "" }).Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error is %v, want one about the certificate", err)
	}
	if asked := h.asked(); slices.ContainsFunc(asked, func(s string) bool { return strings.Contains(s, "manifests") }) {
		t.Errorf("the registry was asked %q without a certificate that is trusted", asked)
	}
	if _, err := h.source(t, ":v1", func(o *oci.Options) { o.CAFile = "/nowhere" }).Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), `"/nowhere"`) {
		t.Errorf("error is %v, want one that names the file", err)
	}
}
