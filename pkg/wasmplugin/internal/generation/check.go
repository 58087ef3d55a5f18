// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package generation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// check makes a candidate of what was fetched, if it is what the operator asked for. The digest comes
// first: what somebody else put there is not worth reading.
func (p *Pipeline) check(f *fetched) (*Candidate, error) {
	c := &Candidate{
		Number: p.number + 1, Module: f.module.Content, Digest: hexDigest(f.module.Content), Manifest: f.module.Manifest,
		Origin: p.opts.Module.String(), Remembered: f.remembered,
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
	if c.Config, err = object(f.config); err != nil {
		return nil, err
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

// object is a config as JSON, which stays as it is; YAML becomes JSON.
func object(config []byte) ([]byte, error) {
	out, err := yaml.YAMLToJSONStrict(config)
	if err != nil {
		return nil, fmt.Errorf("the policy %w: it must be an object in JSON or YAML: %w", ErrConfig, err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(out, &fields); err != nil || fields == nil {
		return nil, fmt.Errorf("the policy %w: it must be an object in JSON or YAML", ErrConfig)
	}
	if json.Valid(config) {
		return config, nil
	}
	return out, nil
}

func hexDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
