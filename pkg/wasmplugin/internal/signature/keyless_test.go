// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/signature"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

const (
	workflow = "https://git.example.com/org/policies/.ci/release@refs/tags/v1"
	mail     = "alice@example.com"
)

func keyless(t testing.TB, s *sigstore, ids ...signature.Identity) *signature.Verifier {
	t.Helper()
	return newVerifier(t, signature.Policy{Identities: ids, TrustedRoot: s.trusted(t)})
}

func TestVerifyKeyless(t *testing.T) {
	s := newSigstore(t)
	exact, like := signature.Identity{Issuer: issuer, Subject: mail}, signature.Identity{Issuer: issuer, SubjectRegExp: `^https://git\.example\.com/org/policies/.*$`}
	for name, tc := range map[string]struct {
		id   signature.Identity
		blob *source.Blob
		want string
	}{
		"message":                 {exact, plain(data(s.message(t, mediaTypeV3, mail, stored))), mail},
		"message of the content":  {exact, plain(data(s.message(t, mediaTypeV3, mail, content))), mail},
		"bundle v0.1":             {exact, plain(data(s.message(t, "application/vnd.dev.sigstore.bundle+json;version=0.1", mail, stored))), mail},
		"bundle v0.2":             {exact, plain(data(s.message(t, "application/vnd.dev.sigstore.bundle+json;version=0.2", mail, stored))), mail},
		"message of a manifest":   {like, &source.Blob{Manifest: "sha256:" + hexSum(stored), Signatures: []source.Signature{data(s.message(t, mediaTypeV3, workflow, stored))}}, workflow},
		"statement of a manifest": {like, fromRegistry(data(s.sign(t, workflow, statement(t, signType, digest)))), workflow},
	} {
		got, err := keyless(t, s, tc.id).Verify(tc.blob)
		if diff := cmp.Diff([]string{tc.want + " (" + issuer + ")"}, got); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want,+got):\n%s", name, err, diff)
		}
	}
}

func TestVerifyKeylessRefuses(t *testing.T) {
	s, stranger := newSigstore(t), newSigstore(t)
	unlogged, unpromised, early := *s, *s, *s
	unlogged.noSCT, unpromised.noSET, early.leafNotBefore = true, true, time.Now().Add(-30*time.Minute)
	otherLog := *s
	otherLog.rekor = stranger.rekor
	alice := signature.Identity{Issuer: issuer, Subject: mail}
	for name, tc := range map[string]struct {
		id   signature.Identity
		blob *source.Blob
		want string
	}{
		"another subject":                {alice, plain(data(s.message(t, mediaTypeV3, "mallory@example.com", stored))), "failed to verify certificate identity"},
		"another issuer":                 {signature.Identity{Issuer: "https://other.example.com", Subject: mail}, plain(data(s.message(t, mediaTypeV3, mail, stored))), "failed to verify certificate identity"},
		"subject that contains it":       {signature.Identity{Issuer: issuer, SubjectRegExp: "alice@example.com"}, plain(data(s.message(t, mediaTypeV3, "malice@example.com", stored))), "failed to verify certificate identity"},
		"one of two alternatives":        {signature.Identity{Issuer: issuer, SubjectRegExp: "^a@example.com|b@example.com$"}, plain(data(s.message(t, mediaTypeV3, "mb@example.com", stored))), "failed to verify certificate identity"},
		"other bytes":                    {alice, plain(data(s.message(t, mediaTypeV3, mail, []byte("other")))), "failed to verify signature"},
		"other manifest":                 {alice, fromRegistry(data(s.sign(t, mail, statement(t, signType, hexSum(nil))))), "does not match any digest"},
		"statement that is no approval":  {alice, fromRegistry(data(s.sign(t, mail, statement(t, "https://slsa.dev/provenance/v1", digest)))), "signs nothing"},
		"another authority":              {alice, plain(data(stranger.message(t, mediaTypeV3, mail, stored))), "log"},
		"another transparency log":       {alice, plain(data(otherLog.message(t, mediaTypeV3, mail, stored))), "not enough verified log entries"},
		"certificate that is not logged": {alice, plain(data(unlogged.message(t, mediaTypeV3, mail, stored))), "signed certificate timestamp"},
		"nobody says when":               {alice, plain(data(unpromised.message(t, mediaTypeV3, mail, stored))), "timestamps"},
		"certificate had expired":        {alice, plain(data(early.message(t, mediaTypeV3, mail, stored))), "integrated time outside certificate validity"},
		"key pair":                       {alice, plain(data(messageBundle(t, newPair(t), stored))), "no key is given"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := keyless(t, s, tc.id).Verify(tc.blob)
			if !errors.Is(err, signature.ErrSignature) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("signed by %q, error %v, want ErrSignature with %q", got, err, tc.want)
			}
		})
	}
	v := newVerifier(t, signature.Policy{Keys: []signature.Key{newPair(t).key(t, "alice")}})
	if got, err := v.Verify(plain(data(s.message(t, mediaTypeV3, mail, stored)))); err == nil || !strings.Contains(err.Error(), "no identities are given") {
		t.Errorf("without identities: signed by %q, error %v", got, err)
	}
}

// A signer counts for one party, and a party for one signer.
func TestVerifyKeylessThreshold(t *testing.T) {
	s, key := newSigstore(t), newPair(t)
	alice, anybody := signature.Identity{Issuer: issuer, Subject: mail}, signature.Identity{Issuer: issuer, SubjectRegExp: ".*@example.com"}
	by := func(subject string) source.Signature { return data(s.message(t, mediaTypeV3, subject, stored)) }
	byKey := data(messageBundle(t, key, stored))
	for name, tc := range map[string]struct {
		ids  []signature.Identity
		sigs []source.Signature
		want bool
	}{
		"one person for two identities":    {[]signature.Identity{anybody, alice}, []source.Signature{by(mail), by(mail)}, false},
		"two persons for two identities":   {[]signature.Identity{anybody, alice}, []source.Signature{by(mail), by("bob@example.com")}, true},
		"the same, the other way around":   {[]signature.Identity{alice, anybody}, []source.Signature{by("bob@example.com"), by(mail)}, true},
		"two persons for one identity":     {[]signature.Identity{anybody}, []source.Signature{by(mail), by("bob@example.com")}, false},
		"a person and a key":               {[]signature.Identity{anybody}, []source.Signature{by(mail), byKey}, true},
		"two that only one identity knows": {[]signature.Identity{alice, anybody}, []source.Signature{by("carol@example.com"), by("bob@example.com")}, false},
	} {
		v := newVerifier(t, signature.Policy{Keys: []signature.Key{key.key(t, "key")}, Identities: tc.ids, TrustedRoot: s.trusted(t), Threshold: 2})
		got, err := v.Verify(plain(tc.sigs...))
		if (err == nil) != tc.want {
			t.Errorf("%s: signed by %q, error %v", name, got, err)
		}
	}
}
