// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

func validateVerification(v *v1alpha1.Verification, path *field.Path) field.ErrorList {
	signers := int32(len(v.Keys))
	if v.Keyless != nil {
		signers += int32(len(v.Keyless.Identities))
	}
	errs := validateKeys(v.Keys, path.Child("keys"))
	switch {
	case v.Keyless == nil && signers == 0:
		errs = append(errs, field.Required(path, "say who must have signed, with keys or keyless"))
	case signers > 0:
		errs = append(errs, between(*v.Threshold, 1, signers, path.Child("threshold"))...)
	}
	if v.Keyless != nil {
		errs = append(errs, validateKeyless(v.Keyless, path.Child("keyless"))...)
	}
	return errs
}

// validateKeys refuses one key under two names: it would count twice against the threshold.
func validateKeys(keys []v1alpha1.PublicKey, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	names, owners := map[string]bool{}, map[string]string{}
	for i, key := range keys {
		at := path.Index(i)
		switch {
		case key.Name == "":
			errs = append(errs, field.Required(at.Child("name"), "name the key's owner: errors and status say who signed"))
		case names[key.Name]:
			errs = append(errs, field.Duplicate(at.Child("name"), key.Name))
		}
		names[key.Name] = true
		der, problem := publicKey(key.PEM, at.Child("pem"))
		if problem != nil {
			errs = append(errs, problem)
			continue
		}
		if owner, twice := owners[der]; twice {
			errs = append(errs, field.Invalid(at.Child("pem"), "...", fmt.Sprintf("is the same key as that of %q: keep one", owner)))
		}
		owners[der] = key.Name
	}
	return errs
}

// publicKey returns the key's one binary form. Messages do not repeat what was given: it may be a private key.
func publicKey(text string, path *field.Path) (string, *field.Error) {
	if text == "" {
		return "", field.Required(path, "give the public key, as cosign generate-key-pair writes it to cosign.pub")
	}
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil || strings.TrimSpace(string(rest)) != "":
		return "", field.Invalid(path, "...", "must be one PEM block, from -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----")
	case block.Type != "PUBLIC KEY":
		return "", field.Invalid(path, "...", fmt.Sprintf("must be a PUBLIC KEY, is a %s", block.Type))
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", field.Invalid(path, "...", "must be a public key: "+err.Error())
	}
	if err := supported(key); err != nil {
		return "", field.Invalid(path, "...", err.Error())
	}
	return string(block.Bytes), nil
}

func supported(key any) error {
	switch key := key.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return nil
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 {
			return fmt.Errorf("is an RSA key of %d bits: must have at least 2048", bits)
		}
		return nil
	default:
		return errors.New("must be a key for ECDSA, Ed25519 or RSA signatures")
	}
}

func validateKeyless(keyless *v1alpha1.Keyless, path *field.Path) field.ErrorList {
	errs := validateClean(keyless.TrustedRootFile, path.Child("trustedRootFile"))
	if keyless.TrustedRootFile == "" {
		errs = append(errs, field.Required(path.Child("trustedRootFile"), "name a file with a Sigstore trusted root"))
	}
	identities := path.Child("identities")
	if len(keyless.Identities) == 0 {
		errs = append(errs, field.Required(identities, "say who may sign, for example {issuer: https://accounts.example.com, subject: release@example.com}"))
	}
	seen := map[v1alpha1.Identity]bool{}
	for i, identity := range keyless.Identities {
		errs = append(errs, validateIdentity(identity, identities.Index(i))...)
		if seen[identity] {
			errs = append(errs, field.Duplicate(identities.Index(i), identity.Subject+identity.SubjectRegExp))
		}
		seen[identity] = true
	}
	return errs
}

func validateIdentity(identity v1alpha1.Identity, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if identity.Issuer == "" {
		errs = append(errs, field.Required(path.Child("issuer"), "name the OpenID Connect provider, for example https://accounts.example.com"))
	}
	switch {
	case identity.Subject == "" && identity.SubjectRegExp == "":
		errs = append(errs, field.Required(path, "say who, with subject or subjectRegExp"))
	case identity.Subject != "" && identity.SubjectRegExp != "":
		errs = append(errs, only([]string{"subject", "subjectRegExp"}, path)...)
	}
	return append(errs, validateRegExp(identity.SubjectRegExp, path.Child("subjectRegExp"))...)
}

func validateRegExp(expr string, path *field.Path) field.ErrorList {
	if _, err := regexp.Compile(expr); err != nil {
		return field.ErrorList{field.Invalid(path, expr, "must be a regular expression: "+err.Error())}
	}
	return nil
}
