// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

var (
	errTimeout   = errors.New("giving up")
	errPlainHTTP = errors.New("plain HTTP is not allowed")
	errRedirects = errors.New("the registry redirects in circles")
)

const (
	// manifestLimit is what registries take for a manifest, and more than an honest module's needs. It bounds all
	// else that is read but layers, too: pings, tokens, lists of referrers.
	manifestLimit = 4 << 20
	maxRedirects  = 10
)

type limitKey struct{}

// withLimit lets bodies of what is requested with the context have as many bytes.
func withLimit(ctx context.Context, limit int64) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

func limitOf(ctx context.Context) int64 {
	if limit, ok := ctx.Value(limitKey{}).(int64); ok {
		return limit
	}
	return manifestLimit
}

// guard is what every request passes, those for tokens and after redirects included, because the library that makes
// them reads up to 100 MiB of a manifest, falls back to HTTP for what looks local, and follows redirects for ever.
type guard struct {
	next  http.RoundTripper
	plain bool
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !g.plain {
		return nil, fmt.Errorf("%w: use a registry with TLS (and caFile, if its certificate is not a public one), or set plainHTTP", errPlainHTTP)
	}
	if n := redirects(req); n > maxRedirects {
		return nil, fmt.Errorf("%w: more than %d times", errRedirects, maxRedirects)
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := limitOf(req.Context())
	resp.Body = &body{ReadCloser: resp.Body, limit: limit, left: limit}
	return resp, nil
}

// redirects counts those that led to a request. A request after a redirect has the answer that made it necessary.
func redirects(req *http.Request) int {
	n := 0
	for ; req != nil && req.Response != nil && n <= maxRedirects; n++ {
		req = req.Response.Request
	}
	return n
}

// body ends an answer that is too large with an error.
type body struct {
	io.ReadCloser
	limit, left int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	// One byte more than is left tells what ends here from what does not.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		return 0, fmt.Errorf("%w: the registry sends more than %d bytes", source.ErrTooLarge, b.limit)
	}
	b.left -= int64(n)
	return n, err
}
