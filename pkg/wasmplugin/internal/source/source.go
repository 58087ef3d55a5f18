// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package source gets content, a policy's module or its config, from where the operator says it is, and
// tells when it may have changed.
//
//	File                 a path: fsnotify and, where that is blind, polling
//	ConfigMap, Secret    a key of one object: a watch of that object alone
//	HTTP                 a URL: polled with the validators that the server gave
//	package source/oci   a reference: polled
//
// A Source reads under a size cap and, over the network, within a timeout, whatever the other side does. It does
// not interpret what it reads, but for decompressing it under the same cap: a digest is of the decompressed content.
// Nobody else may look at content before its digest and signatures were checked. A Source owns nothing between
// calls; Watch ends with its context and leaves nothing behind. All methods may be called concurrently.
package source

import (
	"context"
	"errors"
)

var (
	// ErrUnchanged is content that has the version the caller knows.
	ErrUnchanged = errors.New("content has not changed")
	// ErrTooLarge is content over the limit.
	ErrTooLarge = errors.New("content is too large")
	// ErrInvalid is content that is there but is not right: asking again is of no use until it changes.
	ErrInvalid = errors.New("content is not valid")
)

// Source is one place that content comes from.
type Source interface {
	// Fetch reads the content as it is now. It returns ErrUnchanged if the source can tell that its version is
	// known, which is the Version of an earlier Blob or empty.
	Fetch(ctx context.Context, known string) (*Blob, error)
	// Watch calls changed, never twice at a time, whenever the content may have changed, until ctx is done; then it
	// returns. It also does once it watches, because the content may have changed since it was fetched last. A
	// source that cannot be watched is polled: then it calls changed at each poll, and Fetch finds out.
	Watch(ctx context.Context, changed func())
	// String names the source for people, without secrets.
	String() string
}

// Options of a Source.
type Options struct {
	// Limit is the most bytes that content may have, both stored and decompressed. Required: 0 allows nothing.
	Limit int64
	// Signatures asks for what is beside the content under the same name with SignatureSuffix.
	Signatures bool
	// Report, if set, is told by Watch why the source cannot be watched and is polled instead, once for each time
	// that this begins. It should not take long.
	Report func(error)
}

// Blob is content that was fetched.
type Blob struct {
	// Content is the bytes, decompressed.
	Content []byte
	// Stored is the bytes as they were stored, compressed or not: what signatures other than those of an OCI
	// manifest are about.
	Stored []byte
	// Version tells this content with these signatures from others of the same source. It is made of digests, so
	// that it means the same after a restart and in another scheduler.
	Version string
	// Manifest is the digest of the OCI manifest, sha256:<hex>; empty for other sources. A policy's digest
	// pins this where there is one, and the digest of Content elsewhere.
	Manifest string
	// Signatures are what claims to be signatures, in any format that package signature knows; nobody has
	// checked them. Fetched only if the options ask for them.
	Signatures []Signature
}

// Signature is a claim that somebody signed a blob.
type Signature struct {
	// Data is a Sigstore bundle (JSON), a raw signature in base64, or, with Payload, a raw signature in base64
	// of that payload.
	Data []byte
	// Payload is a cosign simple-signing document that names the manifest's digest; nil for others.
	Payload []byte
}
