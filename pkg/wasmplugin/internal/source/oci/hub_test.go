// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source/oci"
)

const (
	imageType = "application/vnd.oci.image.manifest.v1+json"
	indexType = "application/vnd.oci.image.index.v1+json"
	wasmType  = "application/wasm"
	repo      = "policies/zone"
)

var wasm = []byte("\x00asm\x01\x00\x00\x00")

type object = map[string]any

// hub is a registry that can be made to misbehave.
type hub struct {
	*httptest.Server
	host, caFile string
	inner        http.Handler

	mu       sync.Mutex
	requests []string
	seen     http.Header // of the last request
	// evil answers in place of the registry if it returns true.
	evil func(w http.ResponseWriter, r *http.Request) bool
}

func newHub(t testing.TB, options ...registry.Option) *hub {
	t.Helper()
	h := &hub{inner: registry.New(append(options, registry.Logger(log.New(io.Discard, "", 0)))...)}
	h.Server = httptest.NewTLSServer(h)
	t.Cleanup(h.Close)
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.host = strings.TrimPrefix(h.URL, "https://")
	h.caFile = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	if err := os.WriteFile(h.caFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	evil := h.evil
	h.requests, h.seen = append(h.requests, r.Method+" "+r.URL.Path), r.Header
	h.mu.Unlock()
	if evil == nil || !evil(w, r) {
		h.inner.ServeHTTP(w, r)
	}
}

// turn makes it misbehave from now on, forgetting what it was asked before.
func (h *hub) turn(evil func(w http.ResponseWriter, r *http.Request) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.evil, h.requests = evil, nil
}

func (h *hub) asked() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.requests...)
}

// send goes past what misbehaves.
func (h *hub) send(t testing.TB, method, path, mediaType string, body []byte) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(body))
	req.Header.Set("Content-Type", mediaType)
	w := httptest.NewRecorder()
	h.inner.ServeHTTP(w, req)
	if w.Code >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// layer uploads a blob and returns its descriptor.
func (h *hub) layer(t testing.TB, mediaType string, content []byte) object {
	t.Helper()
	h.send(t, http.MethodPost, "/v2/"+repo+"/blobs/uploads/?digest="+digestOf(content), "application/octet-stream", content)
	return descriptor(mediaType, content)
}

func descriptor(mediaType string, content []byte) object {
	return object{"mediaType": mediaType, "digest": digestOf(content), "size": len(content)}
}

// manifest puts a document under a tag, or under its digest if there is none, and returns the bytes.
func (h *hub) manifest(t testing.TB, tag, mediaType string, document object) []byte {
	t.Helper()
	raw, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	if tag == "" {
		tag = digestOf(raw)
	}
	h.send(t, http.MethodPut, "/v2/"+repo+"/manifests/"+tag, mediaType, raw)
	return raw
}

func image(layers ...object) object {
	return object{
		"schemaVersion": 2, "mediaType": imageType, "artifactType": "application/vnd.wasm.config.v0+json",
		"config": descriptor("application/vnd.oci.empty.v1+json", []byte("{}")), "layers": layers,
	}
}

// push makes a module available as v1 and returns the digest of its manifest.
func (h *hub) push(t testing.TB, mediaType string, content []byte) string {
	t.Helper()
	return digestOf(h.manifest(t, "v1", imageType, image(h.layer(t, mediaType, content))))
}

// source is that of a reference in the hub; adjust may change the options.
func (h *hub) source(t testing.TB, suffix string, adjust ...func(*oci.Options)) *oci.Source {
	t.Helper()
	options := oci.Options{Reference: h.host + "/" + repo + suffix, CAFile: h.caFile, Limit: 1 << 20}
	for _, f := range adjust {
		f(&options)
	}
	s, err := oci.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fetch(t testing.TB, s *oci.Source, known string) *source.Blob {
	t.Helper()
	blob, err := s.Fetch(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}
