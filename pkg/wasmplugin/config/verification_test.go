// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

func encodePublic(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func ecdsaKey(t *testing.T) (public, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return encodePublic(t, &key.PublicKey), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// rsaKey is not a key that could sign, but its size is right.
func rsaKey(bits uint) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
}

// withVerify loads args with the given module.verify.
func withVerify(t *testing.T, verify *v1alpha1.Verification) (*v1alpha1.WasmPluginArgs, []string) {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{"module": v1alpha1.ModuleSource{File: &v1alpha1.FileSource{Path: "a.wasm"}, Verify: verify}})
	if err != nil {
		t.Fatal(err)
	}
	args, errs := loadAll(t, string(text))
	return args, messages(errs)
}

func TestLoadVerification(t *testing.T) {
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, _ := ecdsaKey(t)
	verify := &v1alpha1.Verification{
		Keys: []v1alpha1.PublicKey{
			{Name: "ec", PEM: ec}, {Name: "ed", PEM: "a comment\n" + encodePublic(t, ed) + "\n"}, {Name: "rsa", PEM: encodePublic(t, rsaKey(2048))},
		},
		Threshold: new(int32(5)),
		Keyless: &v1alpha1.Keyless{TrustedRootFile: "/etc/root.json", Identities: []v1alpha1.Identity{
			{Issuer: "https://a.example", Subject: "x@a.example"},
			{Issuer: "https://a.example", SubjectRegExp: `^(x|y)@a\.example$`},
		}},
	}
	args, problems := withVerify(t, verify)
	if diff := cmp.Diff([]string(nil), problems); diff != "" {
		t.Fatalf("problems (-want,+got):\n%s", diff)
	}
	if diff := cmp.Diff(verify, args.Module.Verify); diff != "" {
		t.Errorf("verify (-want,+got):\n%s", diff)
	}
	args, _ = withVerify(t, &v1alpha1.Verification{Keys: verify.Keys[:1]})
	if diff := cmp.Diff(new(int32(1)), args.Module.Verify.Threshold); diff != "" {
		t.Errorf("default threshold (-want,+got):\n%s", diff)
	}
}

func TestLoadVerificationProblems(t *testing.T) {
	ec, private := ecdsaKey(t)
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := func(pems ...string) (out []v1alpha1.PublicKey) {
		for i, text := range pems {
			out = append(out, v1alpha1.PublicKey{Name: string(rune('a' + i)), PEM: text})
		}
		return out
	}
	identity := v1alpha1.Identity{Issuer: "https://a.example", Subject: "x@a.example"}
	expression := func(expr string) v1alpha1.Identity {
		return v1alpha1.Identity{Issuer: "https://a.example", SubjectRegExp: expr}
	}
	tests := map[string]struct {
		verify v1alpha1.Verification
		want   []string
	}{
		"nobody": {
			want: []string{`: Required value: say who must have signed, with keys or keyless`},
		},
		"nobody in keyless": {
			verify: v1alpha1.Verification{Keyless: &v1alpha1.Keyless{TrustedRootFile: "../x/../y"}},
			want: []string{
				`.keyless.trustedRootFile: Invalid value: "../x/../y": must be in its shortest form: write "../y"`,
				`.keyless.identities: Required value: say who may sign, for example {issuer: https://accounts.example.com, subject: release@example.com}`,
			},
		},
		"threshold too high": {
			verify: v1alpha1.Verification{Keys: keys(ec), Threshold: new(int32(3)),
				Keyless: &v1alpha1.Keyless{TrustedRootFile: "r", Identities: []v1alpha1.Identity{identity}}},
			want: []string{`.threshold: Invalid value: "3": must be between 1 and 2`},
		},
		"threshold too low": {
			verify: v1alpha1.Verification{Keys: keys(ec), Threshold: new(int32(0))},
			want:   []string{`.threshold: Invalid value: "0": must be between 1 and 1`},
		},
		"names": {
			verify: v1alpha1.Verification{Keys: []v1alpha1.PublicKey{{PEM: ec}, {Name: "b"}, {Name: "b"}}},
			want: []string{
				`.keys[0].name: Required value: name the key's owner: errors and status say who signed`,
				`.keys[1].pem: Required value: give the public key, as cosign generate-key-pair writes it to cosign.pub`,
				`.keys[2].name: Duplicate value: "b"`,
				`.keys[2].pem: Required value: give the public key, as cosign generate-key-pair writes it to cosign.pub`,
			},
		},
		"one key twice": {
			verify: v1alpha1.Verification{Keys: keys(ec, "again\n"+ec)},
			want:   []string{`.keys[1].pem: Invalid value: "...": is the same key as that of "a": keep one`},
		},
		"not public keys": {
			verify: v1alpha1.Verification{Keys: keys("hello", private, ec+private, strings.Replace(ec, "MF", "AA", 1),
				encodePublic(t, rsaKey(1024)), encodePublic(t, x25519.PublicKey()))},
			want: []string{
				`.keys[0].pem: Invalid value: "...": must be one PEM block, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----`,
				`.keys[1].pem: Invalid value: "...": must be a PUBLIC KEY, is a PRIVATE KEY`,
				`.keys[2].pem: Invalid value: "...": must be one PEM block, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----`,
				`.keys[3].pem: Invalid value: "...": must be a public key: asn1: structure error:`,
				`.keys[4].pem: Invalid value: "...": is an RSA key of 1024 bits: must have at least 2048`,
				`.keys[5].pem: Invalid value: "...": must be a key for ECDSA, Ed25519 or RSA signatures`,
			},
		},
		"identities": {
			verify: v1alpha1.Verification{Keyless: &v1alpha1.Keyless{Identities: []v1alpha1.Identity{
				{}, {Issuer: "i", Subject: "a", SubjectRegExp: "^a$"}, identity, identity,
			}}},
			want: []string{
				`.keyless.trustedRootFile: Required value: name a file with a Sigstore trusted root`,
				`.keyless.identities[0].issuer: Required value: name the OpenID Connect provider, for example https://accounts.example.com`,
				`.keyless.identities[0]: Required value: say who, with subject or subjectRegExp`,
				`.keyless.identities[1].subjectRegExp: Forbidden: args.module.verify.keyless.identities[1].subject is set too: keep one of them`,
				`.keyless.identities[3]: Duplicate value: "x@a.example"`,
			},
		},
		"expressions": {
			verify: v1alpha1.Verification{Keyless: &v1alpha1.Keyless{TrustedRootFile: "r", Identities: []v1alpha1.Identity{
				expression("a|b"), expression("("),
			}}},
			want: []string{
				`.keyless.identities[1].subjectRegExp: Invalid value: "(": must be a regular expression: error parsing regexp: missing closing`,
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, problems := withVerify(t, &tc.verify)
			for i, problem := range problems {
				problems[i] = strings.TrimPrefix(problem, "args.module.verify")
				if i < len(tc.want) && strings.HasPrefix(problems[i], tc.want[i]) {
					problems[i] = tc.want[i]
				}
				if strings.Contains(problem, "MIG") {
					t.Errorf("%s repeats a key", problem)
				}
			}
			if diff := cmp.Diff(tc.want, problems); diff != "" {
				t.Errorf("problems (-want,+got):\n%s", diff)
			}
		})
	}
}
