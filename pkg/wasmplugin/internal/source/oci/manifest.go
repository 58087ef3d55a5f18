// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

const push = "push the module as an artifact: oras push <registry>/<repository>:<tag> policy.wasm:application/wasm"

// wasmTypes are the media types of layers that are modules.
var wasmTypes = []string{"application/wasm", "application/vnd.wasm.content.layer.v1+wasm"}

// document is an image's manifest or an index; one of the fields is set.
type document struct {
	image *v1.Manifest
	index *v1.IndexManifest
}

// parse reads a manifest. What it is must be clear: were a document taken for an index here and for an image by
// whoever signed it, they would have signed something else.
func parse(header types.MediaType, raw []byte) (document, error) {
	var shape struct {
		MediaType types.MediaType `json:"mediaType"`
		Layers    json.RawMessage `json:"layers"`
		Manifests json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &shape); err != nil {
		return document{}, fmt.Errorf("parsing the manifest: %w: %w", source.ErrInvalid, err)
	}
	kind := shape.MediaType
	if plain, _, err := mime.ParseMediaType(string(header)); err == nil && kind == "" {
		kind = types.MediaType(plain)
	}
	var d document
	var err error
	switch {
	case kind.IsImage() && kind != types.DockerManifestSchema1 && shape.Manifests == nil:
		d.image, err = v1.ParseManifest(bytes.NewReader(raw))
	case kind.IsIndex() && shape.Layers == nil:
		d.index, err = v1.ParseIndexManifest(bytes.NewReader(raw))
	default:
		return document{}, fmt.Errorf("%w: it is neither an image's manifest nor an index (media type %q); %s", source.ErrInvalid, kind, push)
	}
	if err != nil {
		return document{}, fmt.Errorf("parsing the manifest: %w: %w", source.ErrInvalid, err)
	}
	return d, nil
}

// module returns the one layer of an image, which must be a module.
func module(m *v1.Manifest) (v1.Descriptor, error) {
	var kinds []string
	for _, l := range m.Layers {
		kinds = append(kinds, string(l.MediaType))
	}
	switch {
	case slices.ContainsFunc(kinds, isTar):
		return v1.Descriptor{}, fmt.Errorf("%w: it is a container image, whose layers are file systems; %s", source.ErrInvalid, push)
	case len(m.Layers) != 1:
		return v1.Descriptor{}, fmt.Errorf("%w: it has %d layers %q, and must have one, the module; %s", source.ErrInvalid, len(kinds), shorten(kinds), push)
	case !isWasm(kinds[0]):
		return v1.Descriptor{}, fmt.Errorf("%w: its layer has the media type %q, want one of %q; %s", source.ErrInvalid, kinds[0], wasmTypes, push)
	case m.Layers[0].Size <= 0:
		return v1.Descriptor{}, fmt.Errorf("%w: its layer has %d bytes", source.ErrInvalid, m.Layers[0].Size)
	}
	return m.Layers[0], nil
}

func shorten(list []string) []string { return list[:min(len(list), 5)] }

func isTar(kind string) bool {
	t := types.MediaType(kind)
	return t.IsLayer() || strings.Contains(kind, ".tar")
}

// isWasm allows compression: package source finds out itself which it is.
func isWasm(kind string) bool {
	kind = strings.TrimSuffix(strings.TrimSuffix(kind, "+gzip"), "+zstd")
	return slices.Contains(wasmTypes, kind)
}

// choose returns the manifest of an index that is for Wasm, or the only one.
func choose(index *v1.IndexManifest) (v1.Descriptor, error) {
	var all, wasm []v1.Descriptor
	var platforms []string
	for _, m := range index.Manifests {
		if m.Platform != nil && m.Platform.OS == "unknown" {
			continue // what build tools attach to images
		}
		all = append(all, m)
		platforms = append(platforms, fmt.Sprint(m.Platform))
		if forWasm(m.Platform) {
			wasm = append(wasm, m)
		}
	}
	switch {
	case len(wasm) == 1:
		return wasm[0], nil
	case len(wasm) == 0 && len(all) == 1:
		return all[0], nil
	}
	return v1.Descriptor{}, fmt.Errorf("%w: it is an index with %d manifests, %d of them for wasip1 or wasm (%q): there must be one; refer to a manifest by its digest, or %s",
		source.ErrInvalid, len(all), len(wasm), shorten(platforms), push)
}

// forWasm leaves wasip2 out: that is for components, which are not modules.
func forWasm(p *v1.Platform) bool {
	switch {
	case p == nil || p.OS == "wasip2":
		return false
	case p.OS == "wasm" || p.OS == "wasip1":
		return true
	}
	return p.Architecture == "wasm" || p.Architecture == "wasm32"
}
