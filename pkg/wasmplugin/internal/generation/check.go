// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package generation

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// check makes a candidate of what was fetched, if it is what the operator asked for. The digest comes
// first: what somebody else put there is not worth reading.
func (p *Pipeline) check(f *fetched) (*Candidate, error) {
	c := &Candidate{
		Number: p.number + 1, Module: f.module.Content, Digest: hexDigest(f.module.Content), Manifest: f.module.Manifest,
		Origin: p.opts.Module.String(), Remembered: f.remembered, Fallback: f.fallback,
	}
	if err := p.pinned(c); err != nil {
		return nil, err
	}
	var err error
	if p.opts.Verify != nil {
		if c.Signers, err = p.opts.Verify(f.module); err != nil {
			return nil, fmt.Errorf("the module %w: %w", ErrSignature, err)
		}
	}
	if c.Config = f.config; p.opts.Config != nil && p.opts.Parse != nil {
		if c.Config, err = p.opts.Parse(f.config); err != nil {
			return nil, fmt.Errorf("the policy %w: %w", ErrConfig, err)
		}
	}
	return c, nil
}

func (p *Pipeline) pinned(c *Candidate) error {
	is, what := "sha256:"+c.Digest, "module"
	if c.Manifest != "" {
		is, what = c.Manifest, "manifest"
	}
	if p.opts.Digest != "" && p.opts.Digest != is {
		return fmt.Errorf("the module %w: its %s is %s, and module.digest says %s", ErrDigest, what, is, p.opts.Digest)
	}
	return nil
}

func hexDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
