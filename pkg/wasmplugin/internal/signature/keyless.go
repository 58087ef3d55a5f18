// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

func parseIdentities(given []Identity) ([]verify.CertificateIdentity, error) {
	var identities []verify.CertificateIdentity
	var errs []error
	seen := map[Identity]bool{}
	for i, id := range given {
		parsed, err := parseIdentity(id)
		if seen[id] {
			err = errors.Join(err, errors.New("it is given twice: remove one"))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("identities[%d]: %w", i, err))
			continue
		}
		seen[id] = true
		identities = append(identities, parsed)
	}
	return identities, errors.Join(errs...)
}

// parseIdentity makes a regular expression be about the whole subject, whatever anchors it has: without them,
// https://example.com/org/ would also match a subject that only has it somewhere.
func parseIdentity(id Identity) (verify.CertificateIdentity, error) {
	switch {
	case id.Issuer == "":
		return verify.CertificateIdentity{}, errors.New("issuer is empty: anybody could issue such a subject")
	case (id.Subject == "") == (id.SubjectRegExp == ""):
		return verify.CertificateIdentity{}, errors.New("one of subject and subjectRegExp must be set")
	case id.Subject != "":
		return verify.NewShortCertificateIdentity(id.Issuer, "", id.Subject, "")
	}
	if _, err := regexp.Compile(id.SubjectRegExp); err != nil {
		return verify.CertificateIdentity{}, fmt.Errorf("parsing subjectRegExp: %w", err)
	}
	return verify.NewShortCertificateIdentity(id.Issuer, "", "", "^(?:"+id.SubjectRegExp+")$")
}

// newKeyless returns the checker of certificates. A certificate lives for minutes, so that it takes an entry in a
// transparency log and a time to know that it was valid, and the log of certificates to know that it is not secret.
func newKeyless(policy Policy) (*verify.Verifier, error) {
	if len(policy.Identities) == 0 {
		return nil, nil
	}
	if len(policy.TrustedRoot) == 0 {
		return nil, errors.New("identities need a trusted root, which says whose certificates and logs are trusted: set trustedRootFile")
	}
	trusted, err := root.NewTrustedRootFromJSON(policy.TrustedRoot)
	if err != nil {
		return nil, fmt.Errorf("parsing the trusted root: %w", err)
	}
	for what, n := range map[string]int{
		"certificateAuthorities": len(trusted.FulcioCertificateAuthorities()), "ctlogs": len(trusted.CTLogs()), "tlogs": len(trusted.RekorLogs()),
	} {
		if n == 0 {
			return nil, fmt.Errorf("the trusted root has no %s, so that no certificate could be accepted", what)
		}
	}
	return verify.NewVerifier(trusted, verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
}

// certificate checks a bundle whose signer a certificate names.
func (v *Verifier) certificate(b *bundle.Bundle, artifacts []artifact) (signer, error) {
	if v.keyless == nil {
		return signer{}, errors.New("it was made with a certificate, and no identities are given")
	}
	var who []verify.PolicyOption
	for _, id := range v.identities {
		who = append(who, verify.WithCertificateIdentity(id))
	}
	result, err := check(v.keyless, b, artifacts, who...)
	if err != nil {
		return signer{}, err
	}
	cert := *result.Signature.Certificate
	s := signer{who: fmt.Sprintf("%s (%s)", cert.SubjectAlternativeName, cert.Issuer)}
	for i, id := range v.identities {
		if id.Verify(cert) == nil {
			s.parties = append(s.parties, len(v.keys)+i)
		}
	}
	return s, nil
}
