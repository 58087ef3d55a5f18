// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// pullSecret is the credentials by host, or host and the beginning of a repository, as kubelets read them.
type pullSecret map[string]authn.AuthConfig

var _ authn.Keychain = pullSecret(nil)

// parseSecret reads .dockerconfigjson. Helpers that a config may name are not run: they are programs.
func parseSecret(config []byte) (pullSecret, error) {
	var parsed struct {
		Auths pullSecret `json:"auths"`
	}
	if err := json.Unmarshal(config, &parsed); err != nil {
		return nil, fmt.Errorf("parsing the pull secret, which must have the type kubernetes.io/dockerconfigjson "+
			"(kubectl create secret docker-registry): %w", err)
	}
	return parsed.Auths, nil
}

// hosts names what there are credentials for.
func (s pullSecret) hosts() []string { return shorten(slices.Sorted(maps.Keys(s))) }

// Resolve implements authn.Keychain.
func (s pullSecret) Resolve(target authn.Resource) (authn.Authenticator, error) {
	if config, ok := s.find(target); ok {
		return authn.FromConfig(config), nil
	}
	return authn.Anonymous, nil
}

// find returns the credentials whose key says most about a target.
func (s pullSecret) find(target authn.Resource) (best authn.AuthConfig, ok bool) {
	var repository string
	if r, isRepo := target.(name.Repository); isRepo {
		repository = r.RepositoryStr()
	}
	rank := -1
	for _, key := range slices.Sorted(maps.Keys(s)) {
		host, prefix := split(key)
		if !matchHost(host, target.RegistryStr()) || !within(repository, prefix) || s[key] == (authn.AuthConfig{}) {
			continue
		}
		// A longer path goes before a shorter one, and among equals a host before a wildcard.
		r := 2 * len(prefix)
		if host == target.RegistryStr() {
			r++
		}
		if r > rank {
			best, ok, rank = s[key], true, r
		}
	}
	return best, ok
}

// split takes a key apart, which may be a host, or a URL as docker login writes it.
func split(key string) (host, prefix string) {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, prefix, _ = strings.Cut(key, "/")
	if prefix = strings.Trim(prefix, "/"); prefix == "v1" || prefix == "v2" {
		prefix = "" // versions of the registry's interface
	}
	if host == "docker.io" {
		host = name.DefaultRegistry
	}
	return host, prefix
}

func within(repository, prefix string) bool {
	return prefix == "" || repository == prefix || strings.HasPrefix(repository, prefix+"/")
}

// matchHost allows wildcards within a label of a name, as *.registry.example.com, and none for ports.
func matchHost(pattern, host string) bool {
	wanted, labels := strings.Split(pattern, "."), strings.Split(host, ".")
	if len(wanted) != len(labels) {
		return false
	}
	for i, w := range wanted {
		if ok, err := path.Match(w, labels[i]); err != nil || !ok {
			return false
		}
	}
	return true
}
