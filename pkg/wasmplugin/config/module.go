// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// validateModule checks every source that is given, also if there are too many.
func validateModule(module *v1alpha1.ModuleSource, path *field.Path) field.ErrorList {
	errs := oneSource(module, path)
	if module.File != nil {
		errs = append(errs, validatePath(module.File.Path, path.Child("file", "path"))...)
	}
	if module.ConfigMap != nil {
		errs = append(errs, validateKey(module.ConfigMap.Namespace, module.ConfigMap.Name, module.ConfigMap.Key, path.Child("configMap"))...)
	}
	if module.Secret != nil {
		errs = append(errs, validateKey(module.Secret.Namespace, module.Secret.Name, module.Secret.Key, path.Child("secret"))...)
	}
	if module.HTTP != nil {
		errs = append(errs, validateHTTP(module.HTTP, path.Child("http"))...)
	}
	if module.OCI != nil {
		errs = append(errs, validateOCI(module.OCI, module.Digest, path.Child("oci"))...)
	}
	errs = append(errs, validateDigest(module.Digest, path.Child("digest"))...)
	if module.Verify != nil {
		errs = append(errs, validateVerification(module.Verify, path.Child("verify"))...)
	}
	return errs
}

// oneSource reports each source after the first, and that there is none.
func oneSource(module *v1alpha1.ModuleSource, path *field.Path) field.ErrorList {
	var given []string
	for _, source := range []struct {
		name string
		set  bool
	}{
		{"file", module.File != nil},
		{"configMap", module.ConfigMap != nil},
		{"secret", module.Secret != nil},
		{"http", module.HTTP != nil},
		{"oci", module.OCI != nil},
	} {
		if source.set {
			given = append(given, source.name)
		}
	}
	if len(given) == 0 {
		return field.ErrorList{field.Required(path, "say where the module is: set one of file, configMap, secret, http and oci, "+
			"for example file: {path: /etc/stowage/policies/my-policy.wasm}")}
	}
	return only(given, path)
}

// only reports all but the first of the members of a union that are given.
func only(given []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range given[1:] {
		errs = append(errs, field.Forbidden(path.Child(name), fmt.Sprintf("%s is set too: keep one of them", path.Child(given[0]))))
	}
	return errs
}

func validatePath(file string, path *field.Path) field.ErrorList {
	if file == "" {
		return field.ErrorList{field.Required(path, "name a .wasm file")}
	}
	return validateClean(file, path)
}

// validateClean makes sure that one file has one name, so that messages, watches and records agree on it. It
// has nothing to say about no file.
func validateClean(file string, path *field.Path) field.ErrorList {
	if clean := filepath.Clean(file); file != "" && clean != file {
		return field.ErrorList{field.Invalid(path, file, fmt.Sprintf("must be in its shortest form: write %q", clean))}
	}
	return nil
}

func validateKey(namespace, name, key string, path *field.Path) field.ErrorList {
	return append(validateObject(namespace, name, path),
		named(key, "name the key", validation.IsConfigMapKey, path.Child("key"))...)
}

func validateObject(namespace, name string, path *field.Path) field.ErrorList {
	return append(
		named(namespace, "name the namespace", validation.IsDNS1123Label, path.Child("namespace")),
		named(name, "name the object", validation.IsDNS1123Subdomain, path.Child("name"))...)
}

// named checks a required name against the rule that the API server has for it.
func named(value, what string, rule func(string) []string, path *field.Path) field.ErrorList {
	if value == "" {
		return field.ErrorList{field.Required(path, what)}
	}
	var errs field.ErrorList
	for _, problem := range rule(value) {
		errs = append(errs, field.Invalid(path, value, problem))
	}
	return errs
}

func validateHTTP(source *v1alpha1.HTTPSource, path *field.Path) field.ErrorList {
	errs := slices.Concat(
		validateURL(source.URL, source.PlainHTTP, path.Child("url")),
		validateClean(source.CAFile, path.Child("caFile")),
		validatePoll(source.PollInterval, path.Child("pollInterval")),
	)
	if token := source.BearerToken; token != nil {
		errs = append(errs, validateKey(token.Namespace, token.Name, token.Key, path.Child("bearerToken"))...)
	}
	return errs
}

// validateURL does not repeat a URL that has credentials in it.
func validateURL(given string, plain bool, path *field.Path) field.ErrorList {
	if given == "" {
		return field.ErrorList{field.Required(path, "give the module's URL, for example https://example.com/my-policy.wasm")}
	}
	u, err := url.Parse(given)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, "...", "must be a URL, for example https://example.com/my-policy.wasm")}
	case u.User != nil:
		return field.ErrorList{field.Invalid(path, u.Redacted(), "must not have a user or password: put a token into a Secret and name it in bearerToken")}
	case u.Scheme == "http" && !plain:
		return field.ErrorList{field.Invalid(path, given, "must begin with https://: anybody on the way could replace the module; set plainHTTP if that is meant")}
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return field.ErrorList{field.Invalid(path, given, "must begin with https:// and a host")}
	case u.Fragment != "":
		return field.ErrorList{field.Invalid(path, given, "must not have a fragment: servers never see it; leave out #"+u.EscapedFragment())}
	default:
		return nil
	}
}

func validateOCI(source *v1alpha1.OCISource, pinned string, path *field.Path) field.ErrorList {
	errs := slices.Concat(
		validateReference(source.Reference, pinned, path.Child("reference")),
		validateClean(source.CAFile, path.Child("caFile")),
		validatePoll(source.PollInterval, path.Child("pollInterval")),
	)
	if source.PullSecret != nil {
		errs = append(errs, validateObject(source.PullSecret.Namespace, source.PullSecret.Name, path.Child("pullSecret"))...)
	}
	return errs
}

// validateReference also finds two digests that can never both be right, and a scheme, which ParseReference takes
// for a registry with an empty port.
func validateReference(reference, pinned string, path *field.Path) field.ErrorList {
	if reference == "" {
		return field.ErrorList{field.Required(path, "name the artifact, for example registry.example.com/policies/my-policy:v1")}
	}
	ref, err := name.ParseReference(reference)
	if err != nil || strings.Contains(reference, "://") {
		return field.ErrorList{field.Invalid(path, reference,
			"must be registry/repository:tag or registry/repository@sha256:<digest>, without a scheme")}
	}
	if exact, ok := ref.(name.Digest); ok && pinned != "" && exact.DigestStr() != pinned {
		return field.ErrorList{field.Invalid(path, reference, fmt.Sprintf("has another digest than module.digest, %s: keep one", pinned))}
	}
	return nil
}

func validatePoll(interval *metav1.Duration, path *field.Path) field.ErrorList {
	return between(interval.Duration, time.Second, 24*time.Hour, path)
}

func validateDigest(value string, path *field.Path) field.ErrorList {
	if value == "" || digest.MatchString(value) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value, `must be "sha256:" and 64 lower-case hexadecimal digits`)}
}
