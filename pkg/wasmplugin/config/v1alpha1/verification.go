// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Verification says who must have signed a module: at least one of keys and keyless must be set. A module without
// enough valid signatures is not loaded, and the one that runs stays.
type Verification struct {
	// Keys are the public halves of key pairs, as cosign generate-key-pair makes them. Each at most once.
	// +optional
	Keys []PublicKey `json:"keys,omitempty"`

	// Threshold is how many different keys and identities must have signed; two signatures of one key count once.
	// From 1 to the number of keys and identities, defaults to 1.
	// +optional
	Threshold *int32 `json:"threshold,omitempty"`

	// Keyless accepts signatures with short-lived certificates, as a Fulcio instance issues them to whoever can
	// log in as an identity. Defaults to none.
	// +optional
	Keyless *Keyless `json:"keyless,omitempty"`
}

// PublicKey is a key that may sign modules.
type PublicKey struct {
	// Name is for people: status and errors say who signed. No two keys have the same name. Required.
	Name string `json:"name"`

	// PEM is the key: a block that begins with -----BEGIN PUBLIC KEY-----. ECDSA, Ed25519, or RSA of at least
	// 2048 bits. Required.
	PEM string `json:"pem"`
}

// Keyless says which identities may sign modules, and who vouches for them.
type Keyless struct {
	// TrustedRootFile is a Sigstore trusted root (JSON): the certificate authorities and transparency logs that are
	// trusted. It is a file because the scheduler does not talk to an update service by itself. Must be in its
	// shortest form, as file.path, and must exist when the scheduler starts. Required.
	TrustedRootFile string `json:"trustedRootFile"`

	// Identities are who may sign. At least one, each at most once.
	Identities []Identity `json:"identities"`
}

// Identity is what a certificate must say of whoever signed. One of subject and subjectRegExp must be set.
type Identity struct {
	// Issuer is the URL of the OpenID Connect provider that the signer logged in with, as in
	// https://accounts.example.com. Required.
	Issuer string `json:"issuer"`

	// Subject is the certificate's subject alternative name: an e-mail address, or the URL of a workflow.
	// +optional
	Subject string `json:"subject,omitempty"`

	// SubjectRegExp is a regular expression (RE2) that must match all of the subject alternative name, as if it
	// were written between ^( and )$.
	// +optional
	SubjectRegExp string `json:"subjectRegExp,omitempty"`
}
