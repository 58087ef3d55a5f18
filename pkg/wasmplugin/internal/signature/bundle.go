// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// predicateType is that of the statement "I sign this". Statements of other types have the same subject and the
// same signers, but approve of nothing: a report of a failed scan for vulnerabilities is one.
const predicateType = "https://sigstore.dev/cosign/sign/v1"

// artifact makes the option for what must have been signed; anew for each check, because a reader is used up.
type artifact func() verify.ArtifactPolicyOption

// bundle checks a Sigstore bundle, whose own material says whether a key or a certificate is behind it.
func (v *Verifier) bundle(data []byte, blob *source.Blob) (signer, error) {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(data); err != nil {
		return signer{}, fmt.Errorf("parsing the Sigstore bundle: %w", err)
	}
	material, err := b.VerificationContent()
	if err != nil {
		return signer{}, fmt.Errorf("reading the Sigstore bundle: %w", err)
	}
	artifacts, err := artifactsOf(blob)
	if err != nil {
		return signer{}, err
	}
	if material.Certificate() != nil {
		return v.certificate(&b, artifacts)
	}
	return v.keyPair(&b, artifacts)
}

func artifactsOf(blob *source.Blob) ([]artifact, error) {
	if blob.Manifest == "" {
		var all []artifact
		for _, content := range contents(blob) {
			all = append(all, func() verify.ArtifactPolicyOption { return verify.WithArtifact(bytes.NewReader(content)) })
		}
		return all, nil
	}
	algorithm, text, _ := strings.Cut(blob.Manifest, ":")
	digest, err := hex.DecodeString(text)
	if err != nil || algorithm != "sha256" {
		return nil, fmt.Errorf("the manifest's digest %q is not a sha256", blob.Manifest)
	}
	return []artifact{func() verify.ArtifactPolicyOption { return verify.WithArtifactDigest(algorithm, digest) }}, nil
}

// keyPair checks a bundle with every key, whatever hint it has: hints are the signer's to choose. Entries of a
// transparency log are not looked at, because who has the key needs nobody to vouch.
func (v *Verifier) keyPair(b *bundle.Bundle, artifacts []artifact) (signer, error) {
	err := errors.New("no key is given, and it was made with a key pair")
	for i, k := range v.keys {
		for _, mode := range k.modes {
			checker, errNew := verify.NewVerifier(trust(mode), verify.WithNoObserverTimestamps())
			if errNew != nil {
				return signer{}, fmt.Errorf("using the key %q: %w", k.name, errNew)
			}
			if _, err = check(checker, b, artifacts, verify.WithKey()); err == nil {
				return signer{who: k.name, parties: []int{i}}, nil
			}
		}
	}
	return signer{}, fmt.Errorf("no key fits the Sigstore bundle: %w", err)
}

// trust is trusting one key for ever.
func trust(mode signature.Verifier) root.TrustedMaterial {
	return root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(mode, time.Time{}, time.Time{}), nil
	})
}

// check tries each artifact; the error is that of the first, which is what was stored.
func check(checker *verify.Verifier, b *bundle.Bundle, artifacts []artifact, who ...verify.PolicyOption) (*verify.VerificationResult, error) {
	var first error
	for _, a := range artifacts {
		result, err := checker.Verify(b, verify.NewPolicy(a(), who...))
		if err == nil {
			return result, checkStatement(result)
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		return nil, errors.New("there is nothing that could have been signed")
	}
	return nil, first
}

func checkStatement(result *verify.VerificationResult) error {
	if s := result.Statement; s != nil && s.GetPredicateType() != predicateType {
		return fmt.Errorf("it is a statement of the type %q, which signs nothing: want %q, as cosign sign makes it", s.GetPredicateType(), predicateType)
	}
	return nil
}
