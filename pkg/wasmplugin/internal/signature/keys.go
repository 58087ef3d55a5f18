// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// minRSABits is what NIST SP 800-131A still allows.
const minRSABits = 2048

// key is one of the policy's, with each way in which cosign's versions sign with its kind.
type key struct {
	name  string
	modes []signature.Verifier
}

func parseKeys(given []Key) ([]key, error) {
	var keys []key
	var errs []error
	names, seen := map[string]bool{}, map[string]string{}
	for i, k := range given {
		parsed, der, err := parseKey(k)
		switch other := seen[der]; {
		case err != nil:
			errs = append(errs, fmt.Errorf("keys[%d] %q: %w", i, k.Name, err))
			continue
		case k.Name == "" || names[k.Name]:
			errs = append(errs, fmt.Errorf("keys[%d] has the name %q: each key needs a name of its own", i, k.Name))
		case other != "":
			// Counted twice, one signer would meet a threshold of two.
			errs = append(errs, fmt.Errorf("keys[%d] %q is the same public key as %q: remove one", i, k.Name, other))
		}
		names[k.Name], seen[der] = true, k.Name
		keys = append(keys, parsed)
	}
	return keys, errors.Join(errs...)
}

// parseKey also returns the key in its one canonical form, which tells keys apart.
func parseKey(k Key) (parsed key, der string, err error) {
	public, err := decodePEM(k.PEM)
	if err != nil {
		return key{}, "", err
	}
	modes, err := modesOf(public)
	if err != nil {
		return key{}, "", err
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return key{}, "", fmt.Errorf("encoding the public key: %w", err)
	}
	return key{name: k.Name, modes: modes}, string(spki), nil
}

func decodePEM(data []byte) (crypto.PublicKey, error) {
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("pem holds no PEM block: it must begin with -----BEGIN PUBLIC KEY-----, as cosign.pub does")
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, fmt.Errorf("pem is a private key (%s): give its public half, and treat this one as leaked", block.Type)
	case block.Type != "PUBLIC KEY":
		return nil, fmt.Errorf("pem is a %s: it must be a PUBLIC KEY, as cosign.pub is", block.Type)
	case len(strings.TrimSpace(string(rest))) != 0:
		return nil, errors.New("pem holds more than one block: give each key as an item of keys")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parsing pem: %w", err)
	}
	return public, nil
}

// modesOf has SHA-256 for every curve beside the hash of its own size because older versions of cosign used it for all of
// them, and both Ed25519 and Ed25519ph because what is logged must be prehashed and what is not need not be.
func modesOf(public crypto.PublicKey) ([]signature.Verifier, error) {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		hash, ok := map[elliptic.Curve]crypto.Hash{
			elliptic.P256(): crypto.SHA256, elliptic.P384(): crypto.SHA384, elliptic.P521(): crypto.SHA512,
		}[public.Curve]
		if !ok {
			return nil, fmt.Errorf("pem is a key on the curve %s: use P-256, P-384 or P-521", public.Curve.Params().Name)
		}
		if hash == crypto.SHA256 {
			return load(public, options.WithHash(hash))
		}
		return load(public, options.WithHash(hash), options.WithHash(crypto.SHA256))
	case ed25519.PublicKey:
		return load(public, options.WithHash(crypto.SHA256), options.WithED25519ph())
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSABits {
			return nil, fmt.Errorf("pem is an RSA key of %d bits: it needs at least %d", bits, minRSABits)
		}
		return load(public, options.WithHash(crypto.SHA256))
	}
	return nil, fmt.Errorf("pem is a key of the kind %T: use ECDSA, Ed25519 or RSA", public)
}

// load returns one verifier for each option.
func load(public crypto.PublicKey, modes ...signature.LoadOption) ([]signature.Verifier, error) {
	var verifiers []signature.Verifier
	for _, mode := range modes {
		v, err := signature.LoadVerifierWithOpts(public, mode)
		if err != nil {
			return nil, fmt.Errorf("using pem: %w", err)
		}
		verifiers = append(verifiers, v)
	}
	return verifiers, nil
}
