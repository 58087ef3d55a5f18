// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/signature"
)

func TestNewRefuses(t *testing.T) {
	alice, s := newPair(t), newSigstore(t)
	key, who := alice.key(t, "alice"), signature.Identity{Issuer: issuer, Subject: mail}
	pems := func(b ...byte) []signature.Key { return []signature.Key{{Name: "alice", PEM: b}} }
	ids := func(list ...signature.Identity) signature.Policy {
		return signature.Policy{Identities: list, TrustedRoot: s.trusted(t)}
	}
	short, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		policy signature.Policy
		want   string
	}{
		"nobody":             {signature.Policy{}, "neither keys nor identities are given"},
		"threshold too high": {signature.Policy{Keys: []signature.Key{key}, Threshold: 2}, "threshold is 2, which must be from 1 to 1"},
		"threshold below 0":  {signature.Policy{Keys: []signature.Key{key}, Threshold: -1}, "threshold is -1"},
		"no name":            {signature.Policy{Keys: []signature.Key{{PEM: key.PEM}}}, `keys[0] has the name ""`},
		"name twice":         {signature.Policy{Keys: []signature.Key{key, newPair(t).key(t, "alice")}}, `keys[1] has the name "alice"`},
		"key twice":          {signature.Policy{Keys: []signature.Key{key, alice.key(t, "bob")}}, `keys[1] "bob" is the same public key as "alice"`},
		"no PEM":             {signature.Policy{Keys: pems('x')}, "-----BEGIN PUBLIC KEY-----"},
		"private":            {signature.Policy{Keys: pems(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY"})...)}, "treat this one as leaked"},
		"certificate":        {signature.Policy{Keys: pems(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE"})...)}, "pem is a CERTIFICATE"},
		"two blocks":         {signature.Policy{Keys: pems(bytes.Repeat(key.PEM, 2)...)}, "more than one block"},
		"not DER":            {signature.Policy{Keys: pems(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY"})...)}, "parsing pem"},
		"P-224":              {signature.Policy{Keys: []signature.Key{newECDSA(t, elliptic.P224(), crypto.SHA256).key(t, "a")}}, "curve P-224"},
		"short RSA":          {signature.Policy{Keys: pems(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: short})...)}, "RSA key of 1024 bits"},
		"no trusted root":    {signature.Policy{Identities: []signature.Identity{who}}, "set trustedRootFile"},
		"half trusted root":  {signature.Policy{Identities: []signature.Identity{who}, TrustedRoot: []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)}, "the trusted root has no"},
		"bad trusted root":   {signature.Policy{Identities: []signature.Identity{who}, TrustedRoot: []byte("x")}, "parsing the trusted root"},
		"no issuer":          {ids(signature.Identity{Subject: mail}), "identities[0]: issuer is empty"},
		"no subject":         {ids(signature.Identity{Issuer: issuer}), "one of subject and subjectRegExp"},
		"both subjects":      {ids(signature.Identity{Issuer: issuer, Subject: "a", SubjectRegExp: "a"}), "one of subject and subjectRegExp"},
		"bad expression":     {ids(signature.Identity{Issuer: issuer, SubjectRegExp: "("}), "parsing subjectRegExp"},
		"closes the group":   {ids(signature.Identity{Issuer: issuer, SubjectRegExp: "a)|(?:.*"}), "parsing subjectRegExp"},
		"identity twice":     {ids(who, who), "identities[1]: it is given twice"},
	} {
		_, err := signature.New(tc.policy)
		if !errors.Is(err, signature.ErrPolicy) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, want ErrPolicy with %q", name, err, tc.want)
		}
	}
}

// All that is wrong is said at once.
func TestNewRefusesAll(t *testing.T) {
	_, err := signature.New(signature.Policy{Keys: []signature.Key{{Name: "a"}, {Name: "b"}}, Identities: []signature.Identity{{}}, Threshold: 9})
	for _, want := range []string{"keys[0]", "keys[1]", "identities[0]", "trustedRootFile", "threshold is 9"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error %v", want, err)
		}
	}
}

func FuzzNew(f *testing.F) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(publicPEM(f, private.Public()), newSigstore(f).trusted(f), "^a$")
	f.Add(publicPEM(f, p384.Public()), []byte("{}"), "(")
	f.Fuzz(func(t *testing.T, key, trusted []byte, expression string) {
		_, err := signature.New(signature.Policy{
			Keys: []signature.Key{{Name: "a", PEM: key}}, Identities: []signature.Identity{{Issuer: issuer, SubjectRegExp: expression}}, TrustedRoot: trusted,
		})
		if err != nil && !errors.Is(err, signature.ErrPolicy) {
			t.Errorf("error is %v, want ErrPolicy", err)
		}
	})
}
