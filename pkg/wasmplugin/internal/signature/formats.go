// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package signature

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// simpleType is what cosign writes into critical.type of a document about a container image or an artifact.
const simpleType = "cosign container image signature"

// signer is who made one signature.
type signer struct {
	who string
	// parties are those of the policy that it may count for: keys first, identities after them. It counts for one.
	parties []int
}

// one finds out who made a signature. What it reads was written by strangers, and the libraries that parse it are
// large: a panic of theirs must not take the scheduler down, and says only that this signature is not right.
func (v *Verifier) one(blob *source.Blob, sig source.Signature) (s signer, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = signer{}, fmt.Errorf("reading it panicked: %v", r)
		}
	}()
	if len(sig.Data) > maxSize || len(sig.Payload) > maxSize {
		return signer{}, fmt.Errorf("it has %d bytes, the limit is %d", max(len(sig.Data), len(sig.Payload)), maxSize)
	}
	data := bytes.TrimSpace(sig.Data)
	switch {
	case len(sig.Payload) > 0:
		if err := checkSimple(sig.Payload, blob.Manifest); err != nil {
			return signer{}, err
		}
		return v.raw(data, sig.Payload)
	case bytes.HasPrefix(data, []byte("{")):
		return v.document(data, blob)
	}
	return v.rawOf(data, blob)
}

// document reads what is JSON.
func (v *Verifier) document(data []byte, blob *source.Blob) (signer, error) {
	var probe struct {
		MediaType       string `json:"mediaType"`
		Base64Signature string `json:"base64Signature"`
		Cert            string `json:"cert"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return signer{}, fmt.Errorf("parsing it as JSON: %w", err)
	}
	switch {
	case probe.MediaType != "":
		return v.bundle(data, blob)
	case probe.Base64Signature == "":
		return signer{}, errors.New("it is JSON with neither a mediaType (a Sigstore bundle) nor a base64Signature (cosign's older bundle)")
	}
	s, err := v.rawOf([]byte(probe.Base64Signature), blob)
	if err != nil && isCertificate(probe.Cert) {
		return signer{}, fmt.Errorf("it is cosign's older bundle with a certificate, which is accepted only as a Sigstore bundle: cosign sign-blob --new-bundle-format: %w", err)
	}
	return s, err
}

func isCertificate(cert string) bool {
	text, err := base64.StdEncoding.DecodeString(cert)
	return err == nil && bytes.Contains(text, []byte("BEGIN CERTIFICATE"))
}

// rawOf checks a bare signature of the blob.
func (v *Verifier) rawOf(data []byte, blob *source.Blob) (signer, error) {
	if blob.Manifest != "" {
		return signer{}, errors.New("it is a bare signature, which says nothing about a manifest")
	}
	return v.raw(data, contents(blob)...)
}

// raw checks a signature in base64 of any of some messages. It counts for the first key that fits and no other,
// so that keys which were made to share a signature are still one signer.
func (v *Verifier) raw(data []byte, messages ...[]byte) (signer, error) {
	sig, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil || len(sig) == 0 {
		return signer{}, errors.Join(errors.New("it is neither JSON nor a signature in base64"), err)
	}
	for i, k := range v.keys {
		for _, mode := range k.modes {
			for _, message := range messages {
				if mode.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)) == nil {
					return signer{who: k.name, parties: []int{i}}, nil
				}
			}
		}
	}
	return signer{}, errors.New("no key fits it: another key made it, or it is about other bytes")
}

// contents is what may have been signed where there is no manifest; the package's comment says why both.
func contents(blob *source.Blob) [][]byte {
	var all [][]byte
	for _, b := range [][]byte{blob.Stored, blob.Content} {
		if len(b) > 0 && (len(all) == 0 || !bytes.Equal(all[0], b)) {
			all = append(all, b)
		}
	}
	return all
}

// checkSimple looks whether a simple-signing document is about a manifest. Its docker-reference is not compared:
// the digest says what was signed, and a policy may be mirrored.
func checkSimple(payload []byte, manifest string) error {
	var doc struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(payload, &doc); err != nil {
		return fmt.Errorf("parsing its payload: %w", err)
	}
	switch got := doc.Critical; {
	case manifest == "":
		return errors.New("it is about a manifest, and there is none")
	case !strings.EqualFold(got.Type, simpleType):
		return fmt.Errorf("its critical.type is %q, not %q", got.Type, simpleType)
	case got.Image.Digest != manifest:
		return fmt.Errorf("it is about the manifest %q, not %q", got.Image.Digest, manifest)
	}
	return nil
}
