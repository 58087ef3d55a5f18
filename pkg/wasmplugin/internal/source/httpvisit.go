// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// validators is what a server gave with a response to ask whether it would be the same.
type validators struct{ etag, modified string }

func (v validators) set(to http.Header) {
	if v.etag != "" {
		to.Set("If-None-Match", v.etag)
	}
	if v.modified != "" {
		to.Set("If-Modified-Since", v.modified)
	}
}

// page is a response: the data, or that it is missing or the same as before.
type page struct {
	data               []byte
	missing, unchanged bool
	validators         validators
}

// visitor makes the requests of one Fetch, and may make connections of its own.
type visitor struct {
	web       *web
	transport *http.Transport
	client    *http.Client
	token     string
}

// newVisitor returns a visitor, which must be closed.
func (h *web) newVisitor(ctx context.Context) (*visitor, error) {
	v := &visitor{web: h}
	var err error
	if h.options.BearerToken != nil {
		if v.token, err = h.options.BearerToken(ctx); err != nil {
			return nil, fmt.Errorf("getting the bearer token: %w", err)
		}
	}
	if v.transport, err = TransportWith(h.options.CAFile); err != nil {
		return nil, err
	}
	v.client = &http.Client{Transport: StallGuard(v.transport, h.options.Stall), CheckRedirect: v.redirect}
	return v, nil
}

func (v *visitor) close() { v.transport.CloseIdleConnections() }

// redirect keeps the token from everybody but the server that it is for: net/http would give it to subdomains and
// other ports too. Once it has left the server it does not come back, where others would say what it is used for.
func (v *visitor) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("it was redirected more than %d times", maxRedirects)
	}
	if err := v.web.allowed(r.URL); err != nil {
		return fmt.Errorf("following a redirect: %w", err)
	}
	for _, at := range append(via, r) {
		if at.URL.Scheme != v.web.url.Scheme || at.URL.Host != v.web.url.Host {
			r.Header.Del("Authorization")
		}
	}
	return nil
}

// download gets the content and, if asked for, its signatures. Content that is unchanged is only so together with
// its signatures.
func (v *visitor) download(ctx context.Context, last visit) (content, bundle page, err error) {
	content, err = v.content(ctx, last.content)
	if err != nil || !v.web.options.Signatures {
		return content, bundle, err
	}
	if !content.unchanged {
		bundle, err = v.bundle(ctx, validators{})
		return content, bundle, err
	}
	bundle, err = v.bundle(ctx, last.bundle)
	if err != nil || bundle.unchanged || bundle.missing && last.unsigned {
		return content, bundle, err
	}
	content, err = v.content(ctx, validators{})
	return content, bundle, err
}

func (v *visitor) content(ctx context.Context, last validators) (page, error) {
	p, err := v.get(ctx, &v.web.url, last, v.web.options.Limit)
	if err == nil && p.missing {
		return page{}, errors.New("the server has nothing there (404)")
	}
	return p, err
}

func (v *visitor) bundle(ctx context.Context, last validators) (page, error) {
	p, err := v.get(ctx, signaturesOf(&v.web.url), last, MaxSignatureBytes)
	if err != nil {
		return page{}, fmt.Errorf("signatures: %w", err)
	}
	return p, nil
}

func signaturesOf(u *url.URL) *url.URL {
	beside := *u
	beside.Path += SignatureSuffix
	if beside.RawPath != "" {
		beside.RawPath += SignatureSuffix
	}
	return &beside
}

func (v *visitor) get(ctx context.Context, u *url.URL, last validators, limit int64) (p page, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return page{}, plain(err)
	}
	last.set(request.Header)
	request.Header.Set("User-Agent", UserAgent)
	if v.token != "" {
		request.Header.Set("Authorization", "Bearer "+v.token)
	}
	response, err := v.client.Do(request)
	if err != nil {
		return page{}, because(ctx, err)
	}
	// What was not read is of no use, and closing ends the connection then.
	defer func() { _ = response.Body.Close() }()
	p, err = v.read(response, limit)
	if last == (validators{}) && p.unchanged {
		return page{}, errors.New("the server answered 304 though it was not asked for changes")
	}
	return p, because(ctx, err)
}

func (v *visitor) read(response *http.Response, limit int64) (page, error) {
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		return page{unchanged: true}, nil
	case http.StatusNotFound, http.StatusGone:
		return page{missing: true}, nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return page{}, fmt.Errorf("the server refused (%s): check the bearer token", response.Status)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		v.web.postpone(response.Header.Get("Retry-After"))
		return page{}, fmt.Errorf("the server is busy (%s)", response.Status)
	default:
		return page{}, fmt.Errorf("the server answered %s", response.Status)
	}
	if response.ContentLength > limit {
		return page{}, tooLarge(limit)
	}
	data, err := readCapped(response.Body, limit)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return page{}, fmt.Errorf("the server ended it early: %w", err)
	}
	return page{data: data, validators: validators{response.Header.Get("ETag"), response.Header.Get("Last-Modified")}}, err
}

// because says that it is our timeout, if it is, and leaves out URLs.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return plain(err)
}

// plain takes the URL out of an error: there may be a key in it, also in that of a redirect.
func plain(err error) error {
	if located, ok := errors.AsType[*url.Error](err); ok {
		return located.Err
	}
	return err
}
