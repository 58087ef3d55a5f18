// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature_test

import (
	"crypto"
	"crypto/elliptic"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/signature"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// Every kind of key in every format, over the bytes as stored and over the manifest.
func TestVerifyKeys(t *testing.T) {
	pairs := map[string]pair{
		"P-256":                    newPair(t),
		"P-384":                    newECDSA(t, elliptic.P384(), crypto.SHA384),
		"P-384, older cosign":      newECDSA(t, elliptic.P384(), crypto.SHA256),
		"P-521":                    newECDSA(t, elliptic.P521(), crypto.SHA512),
		"P-521, older cosign":      newECDSA(t, elliptic.P521(), crypto.SHA256),
		"Ed25519":                  newEd25519(t, 0),
		"Ed25519ph, as logs want":  newEd25519(t, crypto.SHA512),
		"RSA of 2048 bits, PKCS#1": newRSA(t),
	}
	for name, p := range pairs {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, signature.Policy{Keys: []signature.Key{newPair(t).key(t, "other"), p.key(t, "alice")}})
			for format, blob := range map[string]*source.Blob{
				"bare":              plain(data([]byte(b64(p.sign(t, stored)) + "\n"))),
				"older bundle":      plain(data(toJSON(t, object{"base64Signature": b64(p.sign(t, stored)), "cert": b64(publicPEM(t, p.Public())), "rekorBundle": object{"SignedEntryTimestamp": "x"}}))),
				"bundle":            plain(data(messageBundle(t, p, stored))),
				"bundle, statement": plain(data(dsseBundle(t, p, statement(t, signType, hexSum(stored))))),
				"manifest":          fromRegistry(data(dsseBundle(t, p, statement(t, signType, digest)))),
				"simple signing":    fromRegistry(simpleSigned(t, p, simple(t, simpleType, "sha256:"+digest))),
			} {
				got, err := v.Verify(blob)
				if diff := cmp.Diff([]string{"alice"}, got); diff != "" || err != nil {
					t.Errorf("%s: %v (-want,+got):\n%s", format, err, diff)
				}
			}
		})
	}
}

func simpleSigned(t testing.TB, p pair, payload []byte) source.Signature {
	t.Helper()
	return source.Signature{Data: []byte(b64(p.sign(t, payload))), Payload: payload}
}

func TestVerifyContent(t *testing.T) {
	p := newPair(t)
	v := newVerifier(t, signature.Policy{Keys: []signature.Key{p.key(t, "alice")}})
	for name, sig := range map[string][]byte{
		"bare": []byte(b64(p.sign(t, content))), "bundle": messageBundle(t, p, content),
		"statement": dsseBundle(t, p, statement(t, signType, hexSum(content))),
	} {
		if got, err := v.Verify(plain(data(sig))); err != nil || !slices.Equal(got, []string{"alice"}) {
			t.Errorf("%s of the decompressed module: signed by %q, error %v", name, got, err)
		}
	}
}

// What must not count, and what is said about it. The key alice is the policy's.
func TestVerifyRefuses(t *testing.T) {
	alice, mallory := newPair(t), newPair(t)
	v := newVerifier(t, signature.Policy{Keys: []signature.Key{alice.key(t, "alice")}})
	other := hexSum([]byte("another manifest"))
	payload := simple(t, simpleType, "sha256:"+digest)
	for name, tc := range map[string]struct {
		blob *source.Blob
		want string
	}{
		"another key":                   {plain(data([]byte(b64(mallory.sign(t, stored))))), "no key fits it"},
		"another key, bundle":           {plain(data(messageBundle(t, mallory, stored))), "no key fits the Sigstore bundle"},
		"other bytes":                   {plain(data([]byte(b64(alice.sign(t, []byte("other")))))), "no key fits it"},
		"other bytes, bundle":           {plain(data(messageBundle(t, alice, []byte("other")))), "no key fits the Sigstore bundle"},
		"other bytes, statement":        {plain(data(dsseBundle(t, alice, statement(t, signType, other)))), "do not match digests in statement"},
		"other manifest, statement":     {fromRegistry(data(dsseBundle(t, alice, statement(t, signType, other)))), "does not match any digest"},
		"statement that is no approval": {fromRegistry(data(dsseBundle(t, alice, statement(t, "https://cosign.sigstore.dev/attestation/vuln/v1", digest)))), "signs nothing"},
		"manifest's layer, not it":      {fromRegistry(data(messageBundle(t, alice, content))), "artifact does not match digest"},
		"bare, of the layer":            {fromRegistry(data([]byte(b64(alice.sign(t, content))))), "says nothing about a manifest"},
		"older bundle, of the layer":    {fromRegistry(data(toJSON(t, object{"base64Signature": b64(alice.sign(t, content))}))), "says nothing about a manifest"},
		"simple, other manifest":        {fromRegistry(simpleSigned(t, alice, simple(t, simpleType, "sha256:"+other))), `it is about the manifest "sha256:` + other},
		"simple, other type":            {fromRegistry(simpleSigned(t, alice, simple(t, "atomic container signature", "sha256:"+digest))), `its critical.type is "atomic container signature"`},
		"simple, no manifest":           {plain(simpleSigned(t, alice, simple(t, simpleType, ""))), "there is none"},
		"simple, another key":           {fromRegistry(simpleSigned(t, mallory, payload)), "no key fits it"},
		"simple, not JSON":              {fromRegistry(simpleSigned(t, alice, []byte("text"))), "parsing its payload"},
		"simple, changed":               {fromRegistry(source.Signature{Data: []byte(b64(alice.sign(t, payload))), Payload: append(slices.Clone(payload), ' ')}), "no key fits it"},
		"certificate":                   {plain(data(toJSON(t, object{"base64Signature": "QUFB", "cert": b64([]byte("-----BEGIN CERTIFICATE-----"))}))), "--new-bundle-format"},
		"empty":                         {plain(data(nil)), "neither JSON nor a signature"},
		"not base64":                    {plain(data([]byte("!"))), "neither JSON nor a signature"},
		"half JSON":                     {plain(data([]byte("{"))), "parsing it as JSON"},
		"other JSON":                    {plain(data([]byte("{}"))), "neither a mediaType"},
		"bundle from the future":        {plain(data([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.9+json"}`))), "parsing the Sigstore bundle"},
		"bundle of nothing":             {plain(data([]byte(`{"mediaType":"` + mediaTypeV3 + `","verificationMaterial":{"publicKey":{}}}`))), "missing bundle content"},
		"bundle, no signature":          {plain(data([]byte(`{"mediaType":"` + mediaTypeV3 + `","verificationMaterial":{"publicKey":{}},"messageSignature":{}}`))), "no key fits"},
		"too large":                     {plain(data([]byte(strings.Repeat("A", 1<<20+1)))), "the limit is 1048576"},
		"nothing to sign":               {&source.Blob{Signatures: []source.Signature{data(messageBundle(t, alice, nil))}}, "nothing that could have been signed"},
		"manifest of another kind":      {&source.Blob{Manifest: "md5:00", Signatures: []source.Signature{data(messageBundle(t, alice, content))}}, "is not a sha256"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.Verify(tc.blob)
			if !errors.Is(err, signature.ErrSignature) || errors.Is(err, signature.ErrUnsigned) {
				t.Fatalf("signed by %q, error %v, want ErrSignature", got, err)
			}
			for _, want := range []string{tc.want, `key "alice"`, "1 needed, 0 counted", "cosign sign"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in the error %v", want, err)
				}
			}
		})
	}
}

func TestVerifyUnsigned(t *testing.T) {
	v := newVerifier(t, signature.Policy{Keys: []signature.Key{newPair(t).key(t, "alice"), newPair(t).key(t, "bob")}, Threshold: 2})
	_, err := v.Verify(plain())
	want := `verifying signatures: module is not signed: nothing is attached to it or lies beside it; 2 of key "alice", key "bob" must sign ` +
		`the module of sha256:` + hexSum(stored) + ` or what it decompresses to: cosign sign-blob --bundle <module>.sigstore.json <module>`
	if diff := cmp.Diff(want, err.Error()); diff != "" || !errors.Is(err, signature.ErrUnsigned) {
		t.Errorf("error (-want,+got):\n%s", diff)
	}
	_, err = v.Verify(fromRegistry())
	if want := "cosign sign <repository>@sha256:" + digest; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error is %v, want it to end with %q", err, want)
	}
}

func TestVerifyThreshold(t *testing.T) {
	alice, bob := newPair(t), newEd25519(t, 0)
	v := newVerifier(t, signature.Policy{Keys: []signature.Key{alice.key(t, "alice"), bob.key(t, "bob")}, Threshold: 2})
	byAlice, againAlice := data([]byte(b64(alice.sign(t, stored)))), data(messageBundle(t, alice, stored))
	byBob, junk := data([]byte(b64(bob.sign(t, stored)))), data([]byte("junk"))
	for name, tc := range map[string]struct {
		sigs []source.Signature
		want []string
	}{
		"both":               {[]source.Signature{byBob, byAlice}, []string{"alice", "bob"}},
		"both among junk":    {[]source.Signature{junk, byBob, junk, againAlice, junk}, []string{"alice", "bob"}},
		"one":                {[]source.Signature{byAlice}, nil},
		"one twice":          {[]source.Signature{byAlice, againAlice, byAlice}, nil},
		"one and junk":       {[]source.Signature{byBob, junk}, nil},
		"one too far behind": {append(slices.Repeat([]source.Signature{junk}, 31), byAlice, byBob), nil},
	} {
		got, err := v.Verify(plain(tc.sigs...))
		if diff := cmp.Diff(tc.want, got); diff != "" || (err == nil) != (tc.want != nil) {
			t.Errorf("%s: error %v, (-want,+got):\n%s", name, err, diff)
		}
	}
}

// What strangers attach is in errors, and errors are in events and on terminals.
func TestVerifyErrorIsReadable(t *testing.T) {
	v := newVerifier(t, signature.Policy{Keys: []signature.Key{newPair(t).key(t, "alice")}})
	hostile := data(toJSON(t, object{"mediaType": "\x1b[31m\n" + strings.Repeat("A", 1<<16)}))
	_, err := v.Verify(plain(slices.Repeat([]source.Signature{hostile}, 40)...))
	if text := err.Error(); len(text) > 2500 || strings.ContainsAny(text, "\x1b\n") || !strings.Contains(text, "and 28 more") {
		t.Errorf("error of %d bytes: %s", len(text), text[:min(len(text), 600)])
	}
}

func FuzzVerify(f *testing.F) {
	p := newPair(f)
	v := newVerifier(f, signature.Policy{
		Keys: []signature.Key{p.key(f, "alice")}, Identities: []signature.Identity{{Issuer: issuer, SubjectRegExp: ".*"}}, TrustedRoot: newSigstore(f).trusted(f),
	})
	f.Add(messageBundle(f, p, []byte("x")), []byte(nil))
	f.Add(dsseBundle(f, p, statement(f, "x", digest)), []byte(nil))
	f.Add([]byte(b64([]byte("signature"))), simple(f, simpleType, digest))
	f.Add([]byte(`{"base64Signature":"QQ==","cert":"QQ=="}`), []byte(nil))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.1","verificationMaterial":{"x509CertificateChain":{"certificates":[{"rawBytes":"MAA="}]},"tlogEntries":[{}]},"messageSignature":{}}`), []byte(nil))
	f.Add(newSigstore(f).message(f, mediaTypeV3, "a@example.com", []byte("x")), []byte(nil))
	f.Fuzz(func(t *testing.T, data, payload []byte) {
		for _, blob := range []*source.Blob{plain(), fromRegistry()} {
			blob.Signatures = []source.Signature{{Data: data, Payload: payload}}
			got, err := v.Verify(blob)
			if !errors.Is(err, signature.ErrSignature) {
				t.Fatalf("signed by %q, error %v", got, err)
			}
		}
	})
}
