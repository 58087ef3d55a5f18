// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package oci gets modules from container registries, where they are artifacts with one layer.
//
// What a policy's digest pins, what Blob.Manifest and Blob.Version have and what signatures are about is the digest
// that the reference leads to, as crane digest prints it: of the index if it leads to one, whose manifests are
// named in it by digest, so that whoever pins or signs an index pins or signs the module too.
//
// A Source trusts the registry with nothing: sizes are capped before and while reading, digests are checked, what
// stalls is cut off, and credentials stay with the host that they are for and the token server that it names. It
// owns nothing between calls, so that there is nothing to close. All methods may be called concurrently.
package oci

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

const (
	defaultTimeout = time.Minute
	defaultStall   = 10 * time.Second
	defaultPoll    = time.Minute
)

// Options says where a module is and how it is got.
type Options struct {
	// Reference is registry/repository, with :tag or @digest.
	Reference string
	// PlainHTTP allows HTTP without TLS to the registry, its token server and wherever it redirects to. Without it
	// there is none, also not to localhost and private addresses.
	PlainHTTP bool
	// CAFile has the PEM certificates to trust instead of the system's. It is read for each Fetch.
	CAFile string
	// Credentials returns the content of a Secret of the type kubernetes.io/dockerconfigjson; it is called for each
	// Fetch. Defaults to none: the registry is asked anonymously.
	Credentials func(ctx context.Context) ([]byte, error)
	// Limit is how many bytes a module may have, both compressed and not.
	Limit int64
	// PollInterval is how often a tag is asked about, up to a tenth longer at random. Defaults to a minute.
	PollInterval time.Duration
	// Signatures says to fetch what is attached as a signature, too.
	Signatures bool
	// Timeout bounds a Fetch. Defaults to a minute.
	Timeout time.Duration
	// Stall is the period of source.StallGuard. Defaults to 10 s.
	Stall time.Duration
}

// Source is a reference to a module in a registry.
type Source struct {
	options Options
	ref     name.Reference
}

var _ source.Source = (*Source)(nil)

// New returns a source, or an error that wraps source.ErrInvalid if there can be no such reference.
func New(options Options) (*Source, error) {
	var how []name.Option
	if options.PlainHTTP {
		how = append(how, name.Insecure)
	}
	if _, rest, ok := strings.Cut(options.Reference, "://"); ok {
		return nil, fmt.Errorf("parsing the reference %q: %w: leave out what precedes %q", options.Reference, source.ErrInvalid, rest)
	}
	ref, err := name.ParseReference(options.Reference, how...)
	if err != nil {
		return nil, fmt.Errorf("parsing the reference %q: %w: want registry/repository:tag or registry/repository@sha256:<digest>: %w", options.Reference, source.ErrInvalid, err)
	}
	for value, standard := range map[*time.Duration]time.Duration{
		&options.Timeout: defaultTimeout, &options.Stall: defaultStall, &options.PollInterval: defaultPoll,
	} {
		if *value <= 0 {
			*value = standard
		}
	}
	return &Source{options: options, ref: ref}, nil
}

// String is the reference with nothing left out.
func (s *Source) String() string { return "oci " + s.ref.Name() }

// Fetch pulls the module. It asks for nothing if the reference has a digest and that is known, and for no more than
// the manifest if its digest is. A signature that is attached later changes neither: whoever waits for one must
// not say that the module is known.
func (s *Source) Fetch(ctx context.Context, known string) (*source.Blob, error) {
	if pin, ok := s.ref.(name.Digest); ok && pin.DigestStr() == known {
		return nil, source.ErrUnchanged
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.Timeout, fmt.Errorf("%w after %v: %w", errTimeout, s.options.Timeout, context.DeadlineExceeded))
	defer cancel()
	pull, err := s.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", s, err)
	}
	defer pull.end()
	blob, err := pull.blob(ctx, known)
	if err != nil && !errors.Is(err, source.ErrUnchanged) {
		return nil, fmt.Errorf("fetching %s: %w", s, pull.explain(ctx, err))
	}
	return blob, err
}

// Watch calls changed each PollInterval if the reference is a tag; what a digest leads to does not change. It is
// Fetch that finds out, with one small request, whether there is something new.
func (s *Source) Watch(ctx context.Context, changed func()) {
	if _, pinned := s.ref.(name.Digest); pinned {
		<-ctx.Done()
		return
	}
	source.Poll(ctx, s.options.PollInterval, changed)
}
