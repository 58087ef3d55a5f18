// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// HTTPOptions say what to download, and how. Defaults are for fields that are zero.
type HTTPOptions struct {
	Options
	// URL begins with https://, or, if PlainHTTP is set, with http://. It has no user.
	URL string
	// PlainHTTP allows http for the URL and for redirects.
	PlainHTTP bool
	// CAFile has the PEM certificates to trust instead of the system's, if it is not empty.
	CAFile string
	// BearerToken, if set, is asked for a token by each Fetch. Only the URL's own scheme, host and port get it.
	BearerToken func(context.Context) (string, error)
	// PollInterval is the time between polls. Defaults to a minute.
	PollInterval time.Duration
	// Timeout is for all of a Fetch. Defaults to 30 s.
	Timeout time.Duration
	// Stall is the period of StallGuard. Defaults to 10 s.
	Stall time.Duration
}

const (
	maxRedirects = 5
	// maxRetryAfter bounds what a server may ask for, so that a slip there does not end updates for good.
	maxRetryAfter = time.Hour
)

// NewHTTP returns the source of a URL. Each Fetch makes its connections anew, which costs a handshake per poll and
// follows rotated certificates and changed addresses. What a Fetch found is asked for again with If-None-Match
// and If-Modified-Since.
//
// The signatures are at the URL with SignatureSuffix appended to its path, and come by a request of their own: a
// module and signatures that are replaced one after another do not match in between, which the next poll heals.
func NewHTTP(o HTTPOptions) (Source, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return nil, errors.New("parsing the URL of a module: it is not a URL") // err has all of it
	case u.User != nil || u.Hostname() == "":
		return nil, fmt.Errorf("parsing the URL of a module: %q must have a host and no user", u.Redacted())
	}
	o.PollInterval = cmp.Or(o.PollInterval, time.Minute)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.Stall = cmp.Or(o.Stall, 10*time.Second)
	h := &web{options: o, url: *u}
	if err := h.allowed(u); err != nil {
		return nil, fmt.Errorf("parsing the URL of a module: %w", err)
	}
	return h, nil
}

// Token reads a bearer token from a source, such as a Secret.
func Token(s Source) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		blob, err := s.Fetch(ctx, "")
		if err != nil {
			return "", err
		}
		return strings.TrimSpace(string(blob.Content)), nil
	}
}

// web is a Source.
type web struct {
	options HTTPOptions
	url     url.URL

	mu sync.Mutex // guards what follows
	// last is what the last Fetch found.
	last visit
	// notBefore is when the server wants to be asked again.
	notBefore time.Time
}

// visit is a version with what to tell the server to learn whether it still is the one.
type visit struct {
	version         string
	content, bundle validators
	// unsigned is whether there was no bundle.
	unsigned bool
}

// String implements Source. A query may have a signature or key in it.
func (h *web) String() string {
	u := url.URL{Scheme: h.url.Scheme, Host: h.url.Host, Path: h.url.Path, RawPath: h.url.RawPath}
	if h.url.RawQuery == "" {
		return u.String()
	}
	// There may be a secret in a query; but another one is another place.
	return fmt.Sprintf("%s?(%.8x)", &u, sha256.Sum256([]byte(h.url.RawQuery)))
}

// Fetch implements Source.
func (h *web) Fetch(ctx context.Context, known string) (*Blob, error) {
	blob, err := h.fetch(ctx, known)
	if err != nil {
		return nil, fmt.Errorf("downloading %s: %w", h, err)
	}
	return blob, nil
}

// Watch implements Source.
func (h *web) Watch(ctx context.Context, changed func()) {
	for pause(ctx, h.untilPoll()) {
		changed()
	}
}

func (h *web) untilPoll() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return spread(max(h.options.PollInterval, time.Until(h.notBefore)), 10)
}

func (h *web) fetch(ctx context.Context, known string) (*Blob, error) {
	if wait := h.wait(); wait > 0 {
		return nil, fmt.Errorf("the server asked to be left alone for another %v", wait.Round(time.Second))
	}
	cause := fmt.Errorf("it took longer than %v: %w", h.options.Timeout, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, h.options.Timeout, cause)
	defer cancel()
	v, err := h.newVisitor(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	content, bundle, err := v.download(ctx, h.lastVisit(known))
	if err != nil {
		return nil, err
	}
	if content.unchanged {
		return nil, ErrUnchanged
	}
	blob, err := newBlob(known, content.data, bundle.data, h.options.Limit)
	if err == nil || errors.Is(err, ErrUnchanged) {
		h.remember(visit{versionOf(content.data, bundle.data), content.validators, bundle.validators, bundle.missing})
	}
	return blob, err
}

// lastVisit is empty if what it found is not what is known: then all must be downloaded.
func (h *web) lastVisit(known string) visit {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known == "" || h.last.version != known {
		return visit{}
	}
	return h.last
}

func (h *web) remember(v visit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = v
}

func (h *web) wait() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Until(h.notBefore)
}

// postpone heeds Retry-After, which is a number of seconds or a date.
func (h *web) postpone(header string) {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = time.Until(at)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notBefore = time.Now().Add(min(wait, maxRetryAfter))
}

// allowed is about the URL and about each redirect.
func (h *web) allowed(u *url.URL) error {
	switch {
	case u.Scheme == "https", u.Scheme == "http" && h.options.PlainHTTP:
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("%s://%s is not allowed: use https, or set plainHTTP", u.Scheme, u.Host)
	default:
		return fmt.Errorf("%s://%s is not allowed: use https", u.Scheme, u.Host)
	}
}
