// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package signature decides whether enough of the right people signed a blob.
//
// It knows the formats that cosign writes: Sigstore bundles (v0.1 to v0.3, of a message or of an in-toto
// statement), cosign's older bundles and bare signatures of key pairs, and simple-signing documents about a
// manifest. What counts as signed is the digest of the manifest where there is one, and elsewhere the bytes as
// they were stored or, if those were not signed, the bytes as decompressed: an author signs policy.wasm, and
// whoever puts it into a ConfigMap compresses it, or the author signs the file as it is shipped. Either way
// exactly one content can be behind the signature.
//
// A Verifier owns nothing that needs closing and never talks to the network: a trusted root is given to it, not
// looked up. All methods may be called concurrently.
package signature

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

var (
	// ErrUnsigned is a blob that nothing claims to be a signature of.
	ErrUnsigned = errors.New("module is not signed")
	// ErrSignature is a blob that not enough of those whom the policy names have signed.
	ErrSignature = errors.New("signatures are not sufficient")
	// ErrPolicy is a policy that cannot be used.
	ErrPolicy = errors.New("verify is not valid")
)

const (
	// maxSignatures and maxSize bound the work that whoever can attach signatures can make.
	maxSignatures = 32
	maxSize       = 1 << 20
	// maxReasons and maxReason keep an error readable, whatever was attached.
	maxReasons = 4
	maxReason  = 300
)

// Policy says who must have signed.
type Policy struct {
	Keys []Key
	// Threshold is how many keys and identities must have signed. Defaults to 1.
	Threshold  int
	Identities []Identity
	// TrustedRoot is a Sigstore trusted root in JSON; needed with Identities.
	TrustedRoot []byte
}

// Key is the public half of a key pair.
type Key struct {
	// Name is for people.
	Name string
	PEM  []byte
}

// Identity is what a certificate must say: the issuer, and either a subject or a regular expression for all of it.
type Identity struct {
	Issuer        string
	Subject       string
	SubjectRegExp string
}

// Verifier checks signatures against a policy.
type Verifier struct {
	keys       []key
	identities []verify.CertificateIdentity
	keyless    *verify.Verifier // nil without identities
	threshold  int
	wanted     string
}

// New returns a verifier for a policy, or an error that wraps ErrPolicy and lists all that is wrong with it.
func New(policy Policy) (*Verifier, error) {
	keys, errKeys := parseKeys(policy.Keys)
	identities, errIdentities := parseIdentities(policy.Identities)
	keyless, errRoot := newKeyless(policy)
	v := &Verifier{keys: keys, identities: identities, keyless: keyless, threshold: max(policy.Threshold, 1), wanted: wanted(policy)}
	if err := errors.Join(errKeys, errIdentities, errRoot, checkThreshold(policy)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return v, nil
}

func checkThreshold(policy Policy) error {
	n := len(policy.Keys) + len(policy.Identities)
	switch {
	case n == 0:
		return errors.New("neither keys nor identities are given, so that nobody could sign: add one, or leave out verify")
	case policy.Threshold < 0 || policy.Threshold > n:
		return fmt.Errorf("threshold is %d, which must be from 1 to %d, the number of keys and identities", policy.Threshold, n)
	}
	return nil
}

// wanted names all who may sign, for errors.
func wanted(policy Policy) string {
	var names []string
	for _, k := range policy.Keys {
		names = append(names, fmt.Sprintf("key %q", k.Name))
	}
	for _, id := range policy.Identities {
		subject := fmt.Sprintf("%q", id.Subject)
		if id.Subject == "" {
			subject = fmt.Sprintf("like %q", id.SubjectRegExp)
		}
		names = append(names, fmt.Sprintf("identity %s of %q", subject, id.Issuer))
	}
	return strings.Join(names, ", ")
}

// Verify returns who signed the blob, sorted: names of keys, and identities as "subject (issuer)". An error wraps
// ErrUnsigned or ErrSignature. Signatures that are not right, or of somebody else, do no harm if there are enough
// others: anybody who may push to a registry may attach one.
func (v *Verifier) Verify(blob *source.Blob) ([]string, error) {
	if len(blob.Signatures) == 0 {
		return nil, fmt.Errorf("verifying signatures: %w: nothing is attached to it or lies beside it; %s", ErrUnsigned, v.advice(blob))
	}
	found := map[string][]int{}
	var reasons []error
	for i, sig := range blob.Signatures[:min(len(blob.Signatures), maxSignatures)] {
		s, err := v.one(blob, sig)
		if err != nil {
			reasons = append(reasons, fmt.Errorf("signature %d: %w", i+1, err))
			continue
		}
		found[s.who] = s.parties
	}
	if n := count(found); n < v.threshold {
		return nil, v.insufficient(blob, n, found, reasons)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

func (v *Verifier) insufficient(blob *source.Blob, n int, found map[string][]int, reasons []error) error {
	by := "nobody"
	if n > 0 {
		by = fmt.Sprintf("%q", slices.Sorted(maps.Keys(found)))
	}
	text := make([]string, 0, maxReasons)
	for _, err := range reasons[:min(len(reasons), maxReasons)] {
		text = append(text, clean(err.Error()))
	}
	if len(reasons) > maxReasons {
		text = append(text, fmt.Sprintf("and %d more", len(reasons)-maxReasons))
	}
	if unread := len(blob.Signatures) - maxSignatures; unread > 0 {
		text = append(text, fmt.Sprintf("%d signatures after the first %d were not looked at", unread, maxSignatures))
	}
	return fmt.Errorf("verifying signatures: %w: %d needed, %d counted, signed by %s; tried %s (%s); %s",
		ErrSignature, v.threshold, n, by, v.wanted, strings.Join(text, "; "), v.advice(blob))
}

// advice says how to make what is missing, and for what exactly.
func (v *Verifier) advice(blob *source.Blob) string {
	if blob.Manifest != "" {
		return fmt.Sprintf("%d of %s must sign the manifest %s: cosign sign <repository>@%[3]s", v.threshold, v.wanted, blob.Manifest)
	}
	sum := sha256.Sum256(blob.Stored)
	return fmt.Sprintf("%d of %s must sign the module of sha256:%s or what it decompresses to: cosign sign-blob --bundle <module>.sigstore.json <module>",
		v.threshold, v.wanted, hex.EncodeToString(sum[:]))
}

// clean makes text that strangers wrote fit for an event or a terminal.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "..."
	}
	return text
}
