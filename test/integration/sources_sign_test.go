// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
)

// signPredicate is what cosign says that a signature of a manifest is.
const signPredicate = "https://sigstore.dev/cosign/sign/v1"

// signingKey is a key pair that signs as cosign does, by means of the standard library alone.
type signingKey struct{ *ecdsa.PrivateKey }

func newKey(t *testing.T) signingKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{k}
}

// verify is the field of a module's source that demands the key's signature, in YAML's flow style.
func (k signingKey) verify(t *testing.T, name string) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	// JSON's strings are YAML's too, and have no line breaks.
	return fmt.Sprintf("verify: {keys: [{name: %s, pem: %q}]}", name, text)
}

func (k signingKey) sign(t *testing.T, message []byte) string {
	t.Helper()
	sum := sha256.Sum256(message)
	sig, err := ecdsa.SignASN1(rand.Reader, k.PrivateKey, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

// ofBlob is what cosign sign-blob --bundle writes.
func (k signingKey) ofBlob(t *testing.T, content []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(content)
	digest := jsonObject{"algorithm": "SHA2_256", "digest": base64.StdEncoding.EncodeToString(sum[:])}
	return toJSON(t, jsonObject{
		"mediaType":            bundleType,
		"verificationMaterial": jsonObject{"publicKey": jsonObject{"hint": "key"}},
		"messageSignature":     jsonObject{"messageDigest": digest, "signature": k.sign(t, content)},
	})
}

// ofManifest is what cosign sign attaches to a manifest.
func (k signingKey) ofManifest(t *testing.T, digest string) []byte {
	t.Helper()
	const kind = "application/vnd.in-toto+json"
	hexadecimal := strings.TrimPrefix(digest, "sha256:")
	if b, err := hex.DecodeString(hexadecimal); err != nil || len(b) != sha256.Size {
		t.Fatalf("%s is not a digest", digest)
	}
	payload := toJSON(t, jsonObject{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []jsonObject{{"name": "policy", "digest": jsonObject{"sha256": hexadecimal}}},
		"predicateType": signPredicate,
		"predicate":     jsonObject{},
	})
	signed := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	return toJSON(t, jsonObject{
		"mediaType":            bundleType,
		"verificationMaterial": jsonObject{"publicKey": jsonObject{"hint": ""}},
		"dsseEnvelope": jsonObject{
			"payload": base64.StdEncoding.EncodeToString(payload), "payloadType": kind,
			"signatures": []jsonObject{{"sig": k.sign(t, signed)}},
		},
	})
}
