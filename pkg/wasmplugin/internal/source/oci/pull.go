// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// smallest is what the limit of a layer is at least, because a token may have to be got on the way to it.
const smallest = 64 << 10

// pull is one Fetch: a login and the connections of it.
type pull struct {
	*Source
	puller    *remote.Puller
	secret    pullSecret
	transport *http.Transport
}

// begin reads the credentials and the certificates anew, so that rotating them needs no restart.
func (s *Source) begin(ctx context.Context) (*pull, error) {
	p := &pull{Source: s}
	if s.options.Credentials != nil {
		config, err := s.options.Credentials(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading the pull secret: %w", err)
		}
		if p.secret, err = parseSecret(config); err != nil {
			return nil, err
		}
	}
	var err error
	if p.transport, err = source.TransportWith(s.options.CAFile); err != nil {
		return nil, err
	}
	p.puller, err = remote.NewPuller(
		remote.WithTransport(&guard{next: source.StallGuard(p.transport, s.options.Stall), plain: s.options.PlainHTTP}),
		remote.WithAuthFromKeychain(p.secret),
		remote.WithUserAgent(source.UserAgent),
		// Whoever calls Fetch tries again, with a backoff of its own.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithRetryStatusCodes(),
	)
	if err != nil {
		p.end()
		return nil, fmt.Errorf("preparing to pull: %w", err)
	}
	return p, nil
}

func (p *pull) end() { p.transport.CloseIdleConnections() }

func (p *pull) blob(ctx context.Context, known string) (*source.Blob, error) {
	if p.unchanged(ctx, known) {
		return nil, source.ErrUnchanged
	}
	doc, digest, err := p.document(ctx, p.ref)
	if err != nil {
		return nil, err
	}
	if digest.String() == known {
		return nil, source.ErrUnchanged
	}
	stored, err := p.module(ctx, doc)
	if err != nil {
		return nil, err
	}
	blob := &source.Blob{Stored: stored, Version: digest.String(), Manifest: digest.String()}
	if blob.Content, err = source.Decompress(stored, p.options.Limit); err != nil {
		return nil, fmt.Errorf("reading the layer: %w", err)
	}
	if p.options.Signatures {
		blob.Signatures, err = p.signatures(ctx, digest)
	}
	return blob, err
}

// unchanged asks for nothing but the digest, which registries do not count against limits on pulls. A registry
// that does not answer that is asked for the manifest, which then also says what is wrong.
func (p *pull) unchanged(ctx context.Context, known string) bool {
	if known == "" {
		return false
	}
	d, err := p.puller.Head(ctx, p.ref)
	return err == nil && d.Digest.String() == known
}

func (p *pull) document(ctx context.Context, ref name.Reference) (document, v1.Hash, error) {
	d, err := p.puller.Get(ctx, ref)
	if err != nil {
		return document{}, v1.Hash{}, fmt.Errorf("getting the manifest: %w", err)
	}
	doc, err := parse(d.MediaType, d.Manifest)
	return doc, d.Digest, err
}

// module reads the layer, through the index if there is one.
func (p *pull) module(ctx context.Context, doc document) ([]byte, error) {
	if doc.index != nil {
		chosen, err := choose(doc.index)
		if err != nil {
			return nil, err
		}
		if doc, _, err = p.document(ctx, p.at(chosen.Digest)); err != nil {
			return nil, err
		}
		if doc.image == nil {
			return nil, fmt.Errorf("%w: it is an index of an index; %s", source.ErrInvalid, push)
		}
	}
	layer, err := module(doc.image)
	if err != nil {
		return nil, err
	}
	return p.layer(ctx, layer, p.options.Limit)
}

func (p *pull) at(digest v1.Hash) name.Digest { return p.ref.Context().Digest(digest.String()) }

// layer reads a blob of at most limit bytes; the library checks its digest as it is read to its end.
func (p *pull) layer(ctx context.Context, d v1.Descriptor, limit int64) (content []byte, err error) {
	if d.Size > limit {
		return nil, fmt.Errorf("%w: the layer has %d bytes, the limit is %d", source.ErrTooLarge, d.Size, limit)
	}
	l, err := p.puller.Layer(withLimit(ctx, max(d.Size, smallest)), p.at(d.Digest))
	if err != nil {
		return nil, fmt.Errorf("getting the layer %s: %w", d.Digest, err)
	}
	r, err := l.Compressed()
	if err != nil {
		return nil, fmt.Errorf("getting the layer %s: %w", d.Digest, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if content, err = io.ReadAll(r); err != nil {
		return nil, fmt.Errorf("reading the layer %s: %w", d.Digest, err)
	}
	if int64(len(content)) != d.Size {
		return nil, fmt.Errorf("%w: the layer has %d bytes, and its manifest says %d", source.ErrInvalid, len(content), d.Size)
	}
	return content, nil
}
