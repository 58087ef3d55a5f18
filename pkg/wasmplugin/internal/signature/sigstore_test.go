// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	"github.com/sigstore/sigstore-go/pkg/root"
)

const issuer = "https://accounts.example.com"

// sigstore plays Fulcio, its log of certificates and Rekor: what keyless signers talk to.
type sigstore struct {
	ca            pair
	cert          *x509.Certificate
	ctLog, rekor  pair
	noSCT, noSET  bool
	leafNotBefore time.Time
}

func newSigstore(t testing.TB) *sigstore {
	t.Helper()
	s := &sigstore{ca: newPair(t), ctLog: newPair(t), rekor: newPair(t), leafNotBefore: time.Now().Add(-time.Minute)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	s.cert = s.issue(t, template, template, s.ca)
	return s
}

func (s *sigstore) issue(t testing.TB, template, parent *x509.Certificate, holder pair) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, holder.Public(), s.ca.Signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func logID(t testing.TB, log pair) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(log.Public())
	if err != nil {
		t.Fatal(err)
	}
	return sum(der)
}

// trusted is the trusted root in JSON.
func (s *sigstore) trusted(t testing.TB) []byte {
	t.Helper()
	start, end := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	log := func(p pair) map[string]*root.TransparencyLog {
		id := logID(t, p)
		return map[string]*root.TransparencyLog{hex.EncodeToString(id): {
			BaseURL: "https://log.example.com", ID: id, ValidityPeriodStart: start, ValidityPeriodEnd: end,
			HashFunc: crypto.SHA256, PublicKey: p.Public(), SignatureHashFunc: crypto.SHA256,
		}}
	}
	ca := &root.FulcioCertificateAuthority{Root: s.cert, ValidityPeriodStart: start, ValidityPeriodEnd: end, URI: "https://ca.example.com"}
	tr, err := root.NewTrustedRoot(root.TrustedRootMediaType01, []root.CertificateAuthority{ca}, log(s.ctLog), nil, log(s.rekor))
	if err != nil {
		t.Fatal(err)
	}
	return toJSON(t, tr)
}

// leaf is the certificate of a subject, an e-mail address or a URL, with the promise that it is in the log.
func (s *sigstore) leaf(t testing.TB, subject string, holder pair) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: s.leafNotBefore, NotAfter: s.leafNotBefore.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(issuer)}},
	}
	if u, err := url.Parse(subject); err == nil && u.Scheme != "" {
		template.URIs = []*url.URL{u}
	} else {
		template.EmailAddresses = []string{subject}
	}
	if s.noSCT {
		return s.issue(t, template, s.cert, holder)
	}
	pre := s.issue(t, template, s.cert, holder)
	template.ExtraExtensions = append(template.ExtraExtensions, s.promise(t, pre))
	return s.issue(t, template, s.cert, holder)
}

// promise is the extension that says that the log of certificates has seen pre.
func (s *sigstore) promise(t testing.TB, pre *x509.Certificate) pkix.Extension {
	t.Helper()
	now := uint64(time.Now().UnixMilli())
	sct := ct.SignedCertificateTimestamp{SCTVersion: ct.V1, LogID: ct.LogID{KeyID: [32]byte(logID(t, s.ctLog))}, Timestamp: now}
	input, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{
		Version: ct.V1, LeafType: ct.TimestampedEntryLeafType, TimestampedEntry: &ct.TimestampedEntry{
			Timestamp: now, EntryType: ct.PrecertLogEntryType,
			PrecertEntry: &ct.PreCert{IssuerKeyHash: sha256.Sum256(s.cert.RawSubjectPublicKeyInfo), TBSCertificate: pre.RawTBSCertificate},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	sct.Signature = ct.DigitallySigned{Algorithm: tls.SignatureAndHashAlgorithm{Hash: tls.SHA256, Signature: tls.ECDSA}, Signature: s.ctLog.sign(t, input)}
	list := marshalTLS(t, ctx509.SignedCertificateTimestampList{SCTList: []ctx509.SerializedSCT{{Val: marshalTLS(t, sct)}}})
	value, err := asn1.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value}
}

func marshalTLS(t testing.TB, v any) []byte {
	t.Helper()
	b, err := tls.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// message is the bundle of a subject that signs a message, as cosign sign-blob --bundle writes it.
func (s *sigstore) message(t testing.TB, mediaType, subject string, message []byte) []byte {
	t.Helper()
	p := newPair(t)
	leaf, sig := s.leaf(t, subject, p), p.sign(t, message)
	entry := s.entry(t, "hashedrekord", object{
		"data":      object{"hash": object{"algorithm": "sha256", "value": hexSum(message)}},
		"signature": object{"content": b64(sig), "publicKey": object{"content": b64(certPEM(leaf))}},
	})
	return toJSON(t, object{
		"mediaType": mediaType, "messageSignature": messageSignature(sig, message),
		"verificationMaterial": material(mediaType, leaf, entry),
	})
}

// sign is the bundle of a subject that signs a statement, as cosign v3 attaches it to a manifest.
func (s *sigstore) sign(t testing.TB, subject string, payload []byte) []byte {
	t.Helper()
	p := newPair(t)
	leaf, sig := s.leaf(t, subject, p), p.sign(t, pae(payload))
	env := envelope(sig, payload)
	entry := s.entry(t, "dsse", object{
		"envelopeHash": object{"algorithm": "sha256", "value": hexSum(toJSON(t, env))},
		"payloadHash":  object{"algorithm": "sha256", "value": hexSum(payload)},
		"signatures":   []object{{"signature": b64(sig), "verifier": b64(certPEM(leaf))}},
	})
	return toJSON(t, object{"mediaType": mediaTypeV3, "dsseEnvelope": env, "verificationMaterial": material(mediaTypeV3, leaf, entry)})
}

func certPEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func material(mediaType string, leaf *x509.Certificate, entry object) object {
	cert := object{"rawBytes": b64(leaf.Raw)}
	if strings.Contains(mediaType, "v0.3") {
		return object{"certificate": cert, "tlogEntries": []object{entry}}
	}
	return object{"x509CertificateChain": object{"certificates": []object{cert}}, "tlogEntries": []object{entry}}
}

// entry is the only one of a Rekor log, with the promise and the proof that it is there.
func (s *sigstore) entry(t testing.TB, kind string, spec object) object {
	t.Helper()
	body, id, now := toJSON(t, object{"apiVersion": "0.0.1", "kind": kind, "spec": spec}), logID(t, s.rekor), time.Now().Unix()
	set := toJSON(t, object{"body": b64(body), "integratedTime": now, "logID": hex.EncodeToString(id), "logIndex": 0})
	rootHash := sum(append([]byte{0}, body...))
	note := fmt.Sprintf("rekor.example.com - 1\n1\n%s\n", b64(rootHash))
	checkpoint := fmt.Sprintf("%s\n— rekor.example.com %s\n", note, b64(append(id[:4:4], s.rekor.sign(t, []byte(note))...)))
	entry := object{
		"logIndex": "0", "logId": object{"keyId": b64(id)}, "kindVersion": object{"kind": kind, "version": "0.0.1"},
		"integratedTime": fmt.Sprint(now), "canonicalizedBody": b64(body),
		"inclusionPromise": object{"signedEntryTimestamp": b64(s.rekor.sign(t, set))},
		"inclusionProof":   object{"logIndex": "0", "rootHash": b64(rootHash), "treeSize": "1", "checkpoint": object{"envelope": checkpoint}},
	}
	if s.noSET {
		delete(entry, "inclusionPromise")
	}
	return entry
}
