// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	wasmType     = "application/wasm"
	emptyType    = "application/vnd.oci.empty.v1+json"
	bundleType   = "application/vnd.dev.sigstore.bundle.v0.3+json"
	repository   = "policies/zone"
)

// hub is a container registry over TLS with one repository, whose tag v1 is asked about each second.
type hub struct {
	*server
	inner http.Handler
	// more is further fields of the source.
	more string
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{inner: registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))}
	h.server = newServer(t, h.inner)
	return h
}

func (h *hub) module() string {
	return fmt.Sprintf("oci: {reference: '%s/%s:v1', caFile: %s, pollInterval: 1s%s}", h.address, repository, h.caFile, h.more)
}

// put pushes, past whoever guards the registry.
func (h *hub) put(t *testing.T, content, _ []byte) {
	t.Helper()
	h.manifest(t, "v1", h.moduleManifest(t, content))
	h.open(t)
}

// moduleManifest is that of a module, whose layer it uploads.
func (h *hub) moduleManifest(t *testing.T, content []byte) jsonObject {
	t.Helper()
	return manifestOf("application/vnd.wasm.config.v0+json", h.layer(t, wasmType, content))
}

func (h *hub) remove(*testing.T) { h.close() }

type jsonObject = map[string]any

func manifestOf(artifact string, layers ...jsonObject) jsonObject {
	return jsonObject{
		"schemaVersion": 2, "mediaType": manifestType, "artifactType": artifact,
		"config": descriptor(emptyType, []byte("{}")), "layers": layers,
	}
}

func descriptor(mediaType string, content []byte) jsonObject {
	return jsonObject{"mediaType": mediaType, "digest": digestOf(content), "size": len(content)}
}

// layer uploads a blob and returns its descriptor.
func (h *hub) layer(t *testing.T, mediaType string, content []byte) jsonObject {
	t.Helper()
	h.send(t, http.MethodPost, "blobs/uploads/?digest="+digestOf(content), "application/octet-stream", content)
	return descriptor(mediaType, content)
}

// manifest puts one under a tag, or under its digest if there is none, and returns the digest.
func (h *hub) manifest(t *testing.T, tag string, document jsonObject) string {
	t.Helper()
	raw := toJSON(t, document)
	if tag == "" {
		tag = digestOf(raw)
	}
	h.send(t, http.MethodPut, "manifests/"+tag, manifestType, raw)
	return digestOf(raw)
}

// attach has a document refer to a manifest, as cosign does since version 3.
func (h *hub) attach(t *testing.T, digest string, bundle []byte) {
	t.Helper()
	m := manifestOf(bundleType, h.layer(t, bundleType, bundle))
	m["config"] = h.layer(t, emptyType, []byte("{}"))
	m["annotations"] = jsonObject{"dev.sigstore.bundle.predicateType": signPredicate}
	m["subject"] = jsonObject{"mediaType": manifestType, "digest": digest, "size": 1}
	h.manifest(t, "", m)
}

func (h *hub) send(t *testing.T, method, path, mediaType string, body []byte) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/v2/"+repository+"/"+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", mediaType)
	w := httptest.NewRecorder()
	h.inner.ServeHTTP(w, r)
	if w.Code >= http.StatusMultipleChoices {
		t.Errorf("%s %s: %d %s", method, path, w.Code, strings.TrimSpace(w.Body.String()))
	}
}

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
