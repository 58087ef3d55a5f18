// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source/oci"
)

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, content []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}

func TestFetch(t *testing.T) {
	h := newHub(t)
	for mediaType, stored := range map[string][]byte{
		wasmType:           wasm,
		wasmType + "+gzip": gzipped(t, wasm),
		wasmType + "+zstd": zstded(t, wasm),
		"application/vnd.wasm.content.layer.v1+wasm":      wasm,
		"application/vnd.wasm.content.layer.v1+wasm+gzip": gzipped(t, wasm),
		"application/vnd.wasm.content.layer.v1+wasm+zstd": zstded(t, wasm),
	} {
		t.Run(mediaType, func(t *testing.T) {
			digest := h.push(t, mediaType, stored)
			want := &source.Blob{Content: wasm, Stored: stored, Version: digest, Manifest: digest}
			for _, ref := range []string{":v1", "@" + digest, ":ignored@" + digest} {
				if diff := cmp.Diff(want, fetch(t, h.source(t, ref), "")); diff != "" {
					t.Errorf("%s: blob (-want,+got):\n%s", ref, diff)
				}
			}
		})
	}
}

// Docker's manifests, those of tools that write no mediaType, and those without artifactType are read too.
func TestFetchManifests(t *testing.T) {
	h := newHub(t)
	layer := h.layer(t, wasmType, wasm)
	bare, docker := image(layer), image(layer)
	delete(bare, "mediaType")
	delete(bare, "artifactType")
	docker["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"
	for mediaType, m := range map[string]object{imageType: bare, imageType + "; charset=utf-8": bare, "application/vnd.docker.distribution.manifest.v2+json": docker} {
		digest := digestOf(h.manifest(t, "v1", mediaType, m))
		if blob := fetch(t, h.source(t, ":v1"), ""); blob.Manifest != digest || !bytes.Equal(blob.Content, wasm) {
			t.Errorf("%s: blob is %+v", mediaType, blob)
		}
	}
}

// An index's digest is what is pinned, signed and known.
func TestFetchIndex(t *testing.T) {
	h := newHub(t)
	entry := func(tag string, content []byte, platform object) object {
		d := descriptor(imageType, h.manifest(t, tag, imageType, image(h.layer(t, wasmType, content))))
		if platform != nil {
			d["platform"] = platform
		}
		return d
	}
	right := entry("a", wasm, object{"os": "wasip1", "architecture": "wasm"})
	linux, component := entry("b", []byte("linux"), object{"os": "linux", "architecture": "amd64"}), entry("c", []byte("component"), object{"os": "wasip2", "architecture": "wasm"})
	attestation := entry("d", []byte("attestation"), object{"os": "unknown", "architecture": "unknown"})
	for name, tc := range map[string]struct {
		manifests []object
		want      string
	}{
		"by platform":    {[]object{linux, component, right}, ""},
		"os wasm":        {[]object{linux, entry("e", wasm, object{"os": "wasm", "architecture": "wasm"})}, ""},
		"only one":       {[]object{entry("f", wasm, nil), attestation}, ""},
		"none for Wasm":  {[]object{linux, component}, "2 manifests, 0 of them for wasip1 or wasm"},
		"two for Wasm":   {[]object{right, entry("g", []byte("other"), object{"os": "wasip1", "architecture": "wasm"})}, "2 of them for wasip1 or wasm"},
		"none":           {[]object{}, "0 manifests"},
		"index of index": {[]object{descriptor(indexType, h.manifest(t, "h", indexType, object{"schemaVersion": 2, "mediaType": indexType, "manifests": []object{right}}))}, "index of an index"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := h.manifest(t, "v1", indexType, object{"schemaVersion": 2, "mediaType": indexType, "manifests": tc.manifests})
			blob, err := h.source(t, ":v1").Fetch(t.Context(), "")
			if tc.want != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error is %v, want %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&source.Blob{Content: wasm, Stored: wasm, Version: digestOf(raw), Manifest: digestOf(raw)}, blob); diff != "" {
				t.Errorf("blob (-want,+got):\n%s", diff)
			}
			if _, err := h.source(t, ":v1").Fetch(t.Context(), digestOf(raw)); !errors.Is(err, source.ErrUnchanged) {
				t.Errorf("error is %v, want ErrUnchanged", err)
			}
		})
	}
}

// A known tag costs a HEAD, or a GET where a registry does not answer that; a known digest costs nothing.
func TestFetchKnown(t *testing.T) {
	h := newHub(t)
	digest := h.push(t, wasmType, wasm)
	head := func(code int) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				w.WriteHeader(code)
			}
			return r.Method == http.MethodHead
		}
	}
	for name, tc := range map[string]struct {
		ref  string
		evil func(w http.ResponseWriter, r *http.Request) bool
		want []string
	}{
		"tag":              {":v1", nil, []string{"GET /v2/", "HEAD /v2/" + repo + "/manifests/v1"}},
		"tag without HEAD": {":v1", head(http.StatusMethodNotAllowed), []string{"GET /v2/", "HEAD /v2/" + repo + "/manifests/v1", "GET /v2/" + repo + "/manifests/v1"}},
		"tag, empty HEAD":  {":v1", head(http.StatusOK), []string{"GET /v2/", "HEAD /v2/" + repo + "/manifests/v1", "GET /v2/" + repo + "/manifests/v1"}},
		"digest":           {"@" + digest, nil, nil},
	} {
		h.turn(tc.evil)
		blob, err := h.source(t, tc.ref).Fetch(t.Context(), digest)
		if !errors.Is(err, source.ErrUnchanged) || blob != nil {
			t.Errorf("%s: blob is %v, error %v, want ErrUnchanged", name, blob, err)
		}
		if diff := cmp.Diff(tc.want, h.asked()); diff != "" {
			t.Errorf("%s: requests (-want,+got):\n%s", name, diff)
		}
	}
	h.turn(nil)
	if blob := fetch(t, h.source(t, ":v1"), digestOf(wasm)); blob.Version != digest {
		t.Errorf("version is %s, want %s", blob.Version, digest)
	}
}

func TestFetchRefuses(t *testing.T) {
	h := newHub(t)
	layer := h.layer(t, wasmType, wasm)
	with := func(key string, value any) object {
		m := image(layer)
		m[key] = value
		return m
	}
	wrong := func(key string, value any) object {
		l := descriptor(wasmType, wasm)
		l[key] = value
		return image(l)
	}
	large := h.layer(t, wasmType, make([]byte, 1<<20+1))
	for name, tc := range map[string]struct {
		mediaType string
		manifest  object
		want      string
		is        error
	}{
		"container image":        {imageType, image(h.layer(t, "application/vnd.oci.image.layer.v1.tar+gzip", wasm)), "it is a container image, whose layers are file systems; push the module as an artifact: oras push <registry>/<repository>:<tag> policy.wasm:application/wasm", source.ErrInvalid},
		"Docker's image":         {imageType, image(layer, h.layer(t, "application/vnd.docker.image.rootfs.diff.tar.gzip", wasm)), "it is a container image", source.ErrInvalid},
		"chart":                  {imageType, image(h.layer(t, "application/vnd.cncf.helm.chart.content.v1.tar+gzip", wasm)), "it is a container image", source.ErrInvalid},
		"no layer":               {imageType, image(), "it has 0 layers", source.ErrInvalid},
		"two layers":             {imageType, image(layer, layer), "it has 2 layers", source.ErrInvalid},
		"another media type":     {imageType, image(h.layer(t, "text/plain", wasm)), `the media type "text/plain"`, source.ErrInvalid},
		"no size":                {imageType, wrong("size", 0), "its layer has 0 bytes", source.ErrInvalid},
		"size below the true":    {imageType, wrong("size", len(wasm)-1), "and its manifest says 7", source.ErrInvalid},
		"size above the true":    {imageType, wrong("size", len(wasm)+1), "and its manifest says 9", source.ErrInvalid},
		"no digest":              {imageType, wrong("digest", ""), "parsing the manifest", source.ErrInvalid},
		"digest of other kind":   {imageType, wrong("digest", "md5:00"), "parsing the manifest", source.ErrInvalid},
		"index and image":        {imageType, with("manifests", []object{}), "neither an image's manifest nor an index", source.ErrInvalid},
		"other things":           {"application/json", with("mediaType", "application/json"), "neither an image's manifest nor an index", source.ErrInvalid},
		"too large":              {imageType, image(large), "the layer has 1048577 bytes, the limit is 1048576", source.ErrTooLarge},
		"too large decompressed": {imageType, image(h.layer(t, wasmType+"+gzip", gzipped(t, make([]byte, 1<<20+1)))), "1048576", source.ErrTooLarge},
		"broken gzip":            {imageType, image(h.layer(t, wasmType+"+gzip", []byte("\x1f\x8bbroken"))), "decompressing", source.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			h.manifest(t, "v1", tc.mediaType, tc.manifest)
			_, err := h.source(t, ":v1").Fetch(t.Context(), "")
			if !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error is %v, want %v with %q", err, tc.is, tc.want)
			}
			if prefix := "fetching oci " + h.host + "/" + repo + ":v1: "; !strings.HasPrefix(err.Error(), prefix) {
				t.Errorf("error is %v, want it to begin with %q", err, prefix)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for ref, want := range map[string]string{
		"":                              "could not parse reference",
		"oci://r.example.com/ab:v1":     `leave out what precedes "r.example.com/ab:v1"`,
		"r.example.com/AB:v1":           "want registry/repository:tag",
		"r.example.com/ab@sha256:12":    "want registry/repository:tag",
		"user:pass@r.example.com/ab:v1": "want registry/repository:tag",
	} {
		if _, err := oci.New(oci.Options{Reference: ref}); !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want ErrInvalid with %q", ref, err, want)
		}
	}
}

func TestString(t *testing.T) {
	digest := digestOf(wasm)
	for ref, want := range map[string]string{
		"r.example.com/zone": "oci r.example.com/zone:latest", "org/zone:v1": "oci index.docker.io/org/zone:v1", "localhost:5000/zone:v1@" + digest: "oci localhost:5000/zone@" + digest,
	} {
		s, err := oci.New(oci.Options{Reference: ref})
		if err != nil || s.String() != want {
			t.Errorf("%q is %v (error %v), want %q", ref, s, err, want)
		}
	}
}

func TestWatch(t *testing.T) {
	for ref, want := range map[string]bool{"r.example.com/zone:v1": true, "r.example.com/zone@" + digestOf(wasm): false} {
		synctest.Test(t, func(t *testing.T) {
			s, err := oci.New(oci.Options{Reference: ref, PollInterval: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			start, times := time.Now(), []time.Duration(nil)
			s.Watch(ctx, func() { times = append(times, time.Since(start)) })
			if !want && times != nil || want && (len(times) < 54 || len(times) > 60 || times[0] < time.Minute || slices.Max(times) > time.Hour) {
				t.Errorf("%s: changed was called after %v", ref, times)
			}
			if d := time.Since(start); d != time.Hour {
				t.Errorf("%s: Watch returned after %v, want an hour", ref, d)
			}
		})
	}
}
