// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// maxText is how much of an error is told. Registries put whole pages into theirs.
const maxText = 600

// clipped is an error whose text is fit for an event or a terminal, whatever a registry put into it.
type clipped struct {
	err  error
	text string
}

func (c *clipped) Error() string { return c.text }

func (c *clipped) Unwrap() error { return c.err }

func clip(err error) error {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), "?"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return &clipped{err: err, text: text}
}

// explain adds to an error what to do about it.
func (p *pull) explain(ctx context.Context, err error) error {
	short := clip(err)
	if cause := context.Cause(ctx); errors.Is(cause, errTimeout) && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, short)
	}
	if failed, ok := errors.AsType[*transport.Error](err); ok {
		switch failed.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("%w: %s", short, p.adviseLogin())
		case http.StatusNotFound:
			return fmt.Errorf("%w: check the reference; some registries also answer so to those who may not pull: %s", short, p.adviseLogin())
		}
	}
	if strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return fmt.Errorf("%w: the registry has no TLS, which only plainHTTP allows", short)
	}
	return short
}

// adviseLogin says what may be wrong with the credentials, without saying what they are.
func (p *pull) adviseLogin() string {
	repo := p.ref.Context()
	if p.options.Credentials == nil {
		return "name a pullSecret with credentials for " + repo.RegistryStr()
	}
	if _, ok := p.secret.find(repo); !ok {
		return fmt.Sprintf("the pull secret has credentials for %q, none for %s", p.secret.hosts(), repo.RegistryStr())
	}
	return fmt.Sprintf("the credentials that the pull secret has for %s are not accepted: check that they are valid and may pull %s", repo.RegistryStr(), repo.RepositoryStr())
}
