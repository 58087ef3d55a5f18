// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/signature"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source/oci"
)

const (
	bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	simpleType = "application/vnd.dev.cosign.simplesigning.v1+json"
	emptyType  = "application/vnd.oci.empty.v1+json"
)

func signed(o *oci.Options) { o.Signatures = true }

// tagOf is a digest as part of a tag.
func tagOf(digest string) string { return strings.Replace(digest, ":", "-", 1) }

// simple attaches payloads as cosign did before version 3; the signature of each is its index.
func (h *hub) simple(t testing.TB, digest string, payloads ...[]byte) {
	t.Helper()
	var layers []object
	for i, payload := range payloads {
		l := h.layer(t, simpleType, payload)
		l["annotations"] = object{"dev.cosignproject.cosign/signature": fmt.Sprint(i)}
		layers = append(layers, l)
	}
	h.manifest(t, tagOf(digest)+".sig", imageType, image(layers...))
}

// refer attaches a document as cosign does since version 3.
func (h *hub) refer(t testing.TB, digest, kind string, annotations object, content []byte) object {
	t.Helper()
	m := object{
		"schemaVersion": 2, "mediaType": imageType, "artifactType": kind, "config": h.layer(t, emptyType, []byte("{}")),
		"layers": []object{h.layer(t, kind, content)}, "annotations": annotations,
		"subject": object{"mediaType": imageType, "digest": digest, "size": 1},
	}
	d := descriptor(imageType, h.manifest(t, "", imageType, m))
	d["artifactType"], d["annotations"] = kind, annotations
	return d
}

func TestSignatures(t *testing.T) {
	for name, api := range map[string]bool{"referrers API": true, "referrers tag": false} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, registry.WithReferrersSupport(api))
			digest := h.push(t, wasmType, wasm)
			var index []object
			for _, r := range []struct{ kind, predicate, content string }{
				{bundleType, "https://sigstore.dev/cosign/sign/v1", `{"a":1}`}, {bundleType, "", `{"b":2}`},
				{bundleType, "https://slsa.dev/provenance/v1", `{"attestation":1}`}, {"application/spdx+json", "", `{"sbom":1}`},
			} {
				annotations := object{}
				if r.predicate != "" {
					annotations["dev.sigstore.bundle.predicateType"] = r.predicate
				}
				index = append(index, h.refer(t, digest, r.kind, annotations, []byte(r.content)))
			}
			if !api {
				delete(index[0], "artifactType") // as some tools leave it
				h.manifest(t, tagOf(digest), indexType, object{"schemaVersion": 2, "mediaType": indexType, "manifests": index})
			}
			h.simple(t, digest, []byte("payload"), []byte("other payload"))
			want := []source.Signature{{Data: []byte(`{"a":1}`)}, {Data: []byte(`{"b":2}`)}, {Data: []byte("0"), Payload: []byte("payload")}, {Data: []byte("1"), Payload: []byte("other payload")}}
			got := fetch(t, h.source(t, ":v1", signed), "").Signatures
			slices.SortFunc(got, func(a, b source.Signature) int { return slices.Compare(a.Data, b.Data) })
			slices.SortFunc(want, func(a, b source.Signature) int { return slices.Compare(a.Data, b.Data) })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("signatures (-want,+got):\n%s", diff)
			}
			if got := fetch(t, h.source(t, ":v1"), "").Signatures; got != nil {
				t.Errorf("signatures %v were fetched for somebody who did not ask", got)
			}
		})
	}
}

// Nothing attached is no error; a registry that cannot say is one.
func TestSignaturesNone(t *testing.T) {
	h := newHub(t, registry.WithReferrersSupport(true))
	digest := h.push(t, wasmType, wasm)
	if got := fetch(t, h.source(t, ":v1", signed), "").Signatures; got != nil {
		t.Errorf("signatures %v", got)
	}
	fail := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	for _, part := range []string{"/referrers/", ".sig"} {
		h.turn(at(part, fail))
		if _, err := h.source(t, ":v1", signed).Fetch(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "500") {
			t.Errorf("%s: error is %v, want that of the registry", part, err)
		}
	}
	h.simple(t, digest, []byte("payload"))
	h.turn(at("/referrers/", fail))
	if got := fetch(t, h.source(t, ":v1", signed), "").Signatures; len(got) != 1 {
		t.Errorf("signatures %v, want the one that could be read", got)
	}
}

// Whoever may push can attach anything: it must neither hide a good signature nor cost much.
func TestSignaturesCapped(t *testing.T) {
	h := newHub(t, registry.WithReferrersSupport(true))
	digest := h.push(t, wasmType, wasm)
	good := []byte(`{"good":1}`)
	h.refer(t, digest, bundleType, nil, make([]byte, 1<<20+1))
	h.refer(t, digest, bundleType, nil, good)
	h.simple(t, digest, append(slices.Repeat([][]byte{make([]byte, 1<<20+1)}, 10), slices.Repeat([][]byte{[]byte("payload")}, 90)...)...)
	h.turn(nil)
	got := fetch(t, h.source(t, ":v1", signed), "").Signatures
	if len(got) != 7 || !slices.ContainsFunc(got, func(s source.Signature) bool { return string(s.Data) == string(good) }) {
		t.Errorf("%d signatures, want the good one and the 6 among the first 16 that are small", len(got))
	}
	if n := len(h.asked()); n > 20 {
		t.Errorf("%d requests", n)
	}
}

// From the registry to who signed it.
func TestSignaturesVerify(t *testing.T) {
	h := newHub(t, registry.WithReferrersSupport(true))
	digest := h.push(t, wasmType, wasm)
	var keys []signature.Key
	sign := map[string]func(message []byte) string{}
	for _, who := range []string{"alice", "bob"} {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, signature.Key{Name: who, PEM: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})})
		sign[who] = func(message []byte) string {
			sum := sha256.Sum256(message)
			sig, err := k.Sign(rand.Reader, sum[:], crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			return base64.StdEncoding.EncodeToString(sig)
		}
	}
	v, err := signature.New(signature.Policy{Keys: keys, Threshold: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(fetch(t, h.source(t, ":v1", signed), "")); !errors.Is(err, signature.ErrUnsigned) {
		t.Errorf("error is %v, want ErrUnsigned", err)
	}
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}`, digest[len("sha256:"):])
	const payloadType = "application/vnd.in-toto+json"
	bundle, err := json.Marshal(object{
		"mediaType": bundleType, "verificationMaterial": object{"publicKey": object{"hint": ""}},
		"dsseEnvelope": object{"payload": []byte(statement), "payloadType": payloadType, "signatures": []object{
			{"sig": sign["alice"](fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(statement), statement))},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.refer(t, digest, bundleType, nil, bundle)
	if _, err := v.Verify(fetch(t, h.source(t, ":v1", signed), "")); !errors.Is(err, signature.ErrSignature) {
		t.Errorf("error is %v, want ErrSignature", err)
	}
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, digest)
	l := h.layer(t, simpleType, payload)
	l["annotations"] = object{"dev.cosignproject.cosign/signature": sign["bob"](payload)}
	h.manifest(t, tagOf(digest)+".sig", imageType, image(l))
	got, err := v.Verify(fetch(t, h.source(t, "@"+digest, signed), ""))
	if diff := cmp.Diff([]string{"alice", "bob"}, got); diff != "" || err != nil {
		t.Errorf("signers: error %v (-want,+got):\n%s", err, diff)
	}
}

func FuzzManifest(f *testing.F) {
	layer := fmt.Sprintf(`{"mediaType":"application/wasm","size":8,"digest":%q}`, digestOf(wasm))
	f.Add(imageType, []byte(`{"layers":[`+layer+`]}`))
	f.Add(indexType, []byte(`{"manifests":[`+layer+`,{"platform":{"os":"wasip1"}}]}`))
	f.Fuzz(func(t *testing.T, mediaType string, raw []byte) {
		d, err := oci.Layer(mediaType, raw)
		if err != nil && !errors.Is(err, source.ErrInvalid) {
			t.Errorf("descriptor %v, error %v, want ErrInvalid", d, err)
		}
	})
}
