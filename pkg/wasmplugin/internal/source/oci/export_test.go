// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ParseSecret lets tests look at which credentials are for whom without asking a registry.
func ParseSecret(config []byte) (authn.Keychain, error) { return parseSecret(config) }

// Layer lets tests read manifests without a registry: it is the layer of an image or the manifest of an index.
func Layer(mediaType string, raw []byte) (v1.Descriptor, error) {
	doc, err := parse(types.MediaType(mediaType), raw)
	switch {
	case err != nil:
		return v1.Descriptor{}, err
	case doc.index != nil:
		return choose(doc.index)
	}
	return module(doc.image)
}
