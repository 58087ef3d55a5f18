// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"sync"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/signature"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// pair is a key pair that signs as some version of cosign does.
type pair struct {
	crypto.Signer
	hash crypto.Hash // 0: the message itself, as Ed25519 does
}

// sign returns the signature of a message; the standard library makes it, so that nothing of what is tested does.
func (p pair) sign(t testing.TB, message []byte) []byte {
	t.Helper()
	digest := message
	if p.hash != 0 {
		h := p.hash.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	sig, err := p.Sign(rand.Reader, digest, p.hash)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func (p pair) key(t testing.TB, name string) signature.Key {
	t.Helper()
	return signature.Key{Name: name, PEM: publicPEM(t, p.Public())}
}

func publicPEM(t testing.TB, public crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func newECDSA(t testing.TB, curve elliptic.Curve, hash crypto.Hash) pair {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pair{k, hash}
}

func newPair(t testing.TB) pair {
	t.Helper()
	return newECDSA(t, elliptic.P256(), crypto.SHA256)
}

func newEd25519(t testing.TB, hash crypto.Hash) pair {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pair{k, hash}
}

// rsaKey is made once: it takes a second.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newRSA(t testing.TB) pair {
	t.Helper()
	k, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair{k, crypto.SHA256}
}

// hexSum is the sha256 of bytes, as subjects of statements have it.
func hexSum(b []byte) string { return hex.EncodeToString(sum(b)) }

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func sum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type object = map[string]any

const mediaTypeV3 = "application/vnd.dev.sigstore.bundle.v0.3+json"

// messageBundle is what cosign sign-blob --bundle writes for a key pair.
func messageBundle(t testing.TB, p pair, message []byte) []byte {
	t.Helper()
	return toJSON(t, object{
		"mediaType":            mediaTypeV3,
		"verificationMaterial": object{"publicKey": object{"hint": "anything"}},
		"messageSignature":     messageSignature(p.sign(t, message), message),
	})
}

func messageSignature(sig, message []byte) object {
	return object{"messageDigest": object{"algorithm": "SHA2_256", "digest": b64(sum(message))}, "signature": b64(sig)}
}

// statement is the in-toto statement about a subject with a sha256 digest in hex.
func statement(t testing.TB, predicateType, digest string) []byte {
	t.Helper()
	return toJSON(t, object{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []object{{"name": "policy", "digest": object{"sha256": digest}}},
		"predicateType": predicateType,
		"predicate":     object{},
	})
}

const inTotoType = "application/vnd.in-toto+json"

// pae is what is signed of a DSSE envelope.
func pae(payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(inTotoType), inTotoType, len(payload), payload)
}

func envelope(sig, payload []byte) object {
	return object{"payload": b64(payload), "payloadType": inTotoType, "signatures": []object{{"sig": b64(sig)}}}
}

// dsseBundle is what cosign v3 attaches to a manifest for a key pair.
func dsseBundle(t testing.TB, p pair, payload []byte) []byte {
	t.Helper()
	return toJSON(t, object{
		"mediaType":            mediaTypeV3,
		"verificationMaterial": object{"publicKey": object{"hint": ""}},
		"dsseEnvelope":         envelope(p.sign(t, pae(payload)), payload),
	})
}

const signType = "https://sigstore.dev/cosign/sign/v1"

// simple is the document that cosign signs of a manifest.
func simple(t testing.TB, kind, manifest string) []byte {
	t.Helper()
	return toJSON(t, object{
		"critical": object{
			"identity": object{"docker-reference": "registry.example.com/policy"},
			"image":    object{"docker-manifest-digest": manifest},
			"type":     kind,
		},
		"optional": nil,
	})
}

const simpleType = "cosign container image signature"

var (
	content = []byte("\x00asm\x01\x00\x00\x00")
	stored  = []byte("\x1f\x8bwould be the compressed module")
	digest  = hex.EncodeToString(sum([]byte("a manifest")))
)

// plain is a module that does not come from a registry.
func plain(sigs ...source.Signature) *source.Blob {
	return &source.Blob{Content: content, Stored: stored, Signatures: sigs}
}

// fromRegistry is one that does.
func fromRegistry(sigs ...source.Signature) *source.Blob {
	return &source.Blob{Content: content, Stored: content, Manifest: "sha256:" + digest, Signatures: sigs}
}

func data(b []byte) source.Signature { return source.Signature{Data: b} }

func newVerifier(t testing.TB, policy signature.Policy) *signature.Verifier {
	t.Helper()
	v, err := signature.New(policy)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
