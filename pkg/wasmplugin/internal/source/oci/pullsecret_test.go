// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package oci_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source/oci"
)

const user, password = "puller", "p:a ss"

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// wantsBasic is a registry that wants a password.
func wantsBasic(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == basic(user, password) {
		return false
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="hub"`)
	http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
	return true
}

// wantsToken is a registry with a token server, which wants a password.
func wantsToken(w http.ResponseWriter, r *http.Request) bool {
	const bearer = "token-of-the-hub"
	switch {
	case r.URL.Path == "/token" && r.Header.Get("Authorization") != basic(user, password):
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case r.URL.Path == "/token" && r.URL.Query().Get("scope") == "repository:"+repo+":pull":
		fmt.Fprintf(w, `{"token":%q}`, bearer)
	case r.URL.Path == "/token":
		http.Error(w, "scope "+r.URL.Query().Get("scope"), http.StatusForbidden)
	case r.Header.Get("Authorization") != "Bearer "+bearer:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",service="hub",scope="repository:%s:pull"`, r.Host, repo))
		w.WriteHeader(http.StatusUnauthorized)
	default:
		return false
	}
	return true
}

func withSecret(config string, err error) func(*oci.Options) {
	return func(o *oci.Options) {
		o.Credentials = func(context.Context) ([]byte, error) { return []byte(config), err }
	}
}

// auths is a pull secret with one entry.
func auths(t testing.TB, key string, entry object) string {
	t.Helper()
	b, err := json.Marshal(object{"auths": object{key: entry}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCredentials(t *testing.T) {
	h := newHub(t)
	digest := h.push(t, wasmType, wasm)
	byAuth := object{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
	byName := object{"username": user, "password": password}
	for name, secret := range map[string]string{
		"auth": auths(t, h.host, byAuth), "username and password": auths(t, h.host, byName), "URL": auths(t, "https://"+h.host, byName),
		"URL of the interface": auths(t, "https://"+h.host+"/v2/", byAuth), "repository": auths(t, h.host+"/"+repo, byAuth),
		"organization": auths(t, h.host+"/policies", byAuth), "wildcard": auths(t, "127.*.0."+h.host[strings.LastIndex(h.host, ".")+1:], byAuth),
	} {
		for kind, evil := range map[string]func(w http.ResponseWriter, r *http.Request) bool{"basic": wantsBasic, "token": wantsToken} {
			h.turn(evil)
			blob, err := h.source(t, ":v1", withSecret(secret, nil)).Fetch(t.Context(), "")
			if err != nil || blob.Manifest != digest {
				t.Errorf("%s, %s: blob is %+v, error %v", name, kind, blob, err)
			}
		}
	}
}

func TestCredentialsRefused(t *testing.T) {
	h := newHub(t)
	h.push(t, wasmType, wasm)
	entry := object{"username": user, "password": "wrong-password"}
	for name, tc := range map[string]struct {
		adjust func(*oci.Options)
		want   string
	}{
		"none":            {func(*oci.Options) {}, "name a pullSecret with credentials for " + h.host},
		"wrong":           {withSecret(auths(t, h.host, entry), nil), "are not accepted: check that they are valid and may pull " + repo},
		"another host's":  {withSecret(auths(t, "registry.example.com", entry), nil), `the pull secret has credentials for ["registry.example.com"], none for ` + h.host},
		"another path's":  {withSecret(auths(t, h.host+"/polic", entry), nil), "none for " + h.host},
		"an empty entry":  {withSecret(auths(t, h.host, object{}), nil), "none for " + h.host},
		"not JSON":        {withSecret("wrong-password", nil), "kubernetes.io/dockerconfigjson"},
		"not base64":      {withSecret(auths(t, h.host, object{"auth": "wrong-password"}), nil), "kubernetes.io/dockerconfigjson"},
		"unreadable":      {withSecret("", errors.New("secrets is forbidden")), "reading the pull secret: secrets is forbidden"},
		"legacy document": {withSecret(`{"`+h.host+`":{"auth":"YTpi"}}`, nil), "the pull secret has credentials for [], none for"},
	} {
		for kind, evil := range map[string]func(w http.ResponseWriter, r *http.Request) bool{"basic": wantsBasic, "token": wantsToken} {
			h.turn(evil)
			_, err := h.source(t, ":v1", tc.adjust).Fetch(t.Context(), "")
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "wrong-password") {
				t.Errorf("%s, %s: error is %v, want %q", name, kind, err, tc.want)
			}
			if n := len(h.asked()); n > 6 {
				t.Errorf("%s, %s: %d requests", name, kind, n)
			}
		}
	}
}

// A registry that is never content must not be asked for ever.
func TestCredentialsLoop(t *testing.T) {
	h := newHub(t)
	h.push(t, wasmType, wasm)
	secret := withSecret(auths(t, h.host, object{"username": user, "password": password}), nil)
	for name, evil := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"token that does not help": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				fmt.Fprint(w, `{"token":"x"}`)
				return true
			}
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",scope="repository:%s:pull"`, r.Host, repo))
			w.WriteHeader(http.StatusUnauthorized)
			return true
		},
		"token server that redirects": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/token") {
				http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
				return true
			}
			return wantsToken(w, r)
		},
	} {
		h.turn(evil)
		_, err := h.source(t, ":v1", secret).Fetch(t.Context(), "")
		if n := len(h.asked()); err == nil || n > 16 {
			t.Errorf("%s: %d requests, error %v", name, n, err)
		}
	}
}

// Registries send clients elsewhere for layers; the credentials stay.
func TestRedirectsCarryNoCredentials(t *testing.T) {
	for kind, wants := range map[string]func(w http.ResponseWriter, r *http.Request) bool{"basic": wantsBasic, "token": wantsToken} {
		h, elsewhere := newHub(t), newHub(t)
		digest := h.push(t, wasmType, wasm)
		elsewhere.push(t, wasmType, wasm)
		h.turn(func(w http.ResponseWriter, r *http.Request) bool {
			if wants(w, r) {
				return true
			}
			if strings.Contains(r.URL.Path, "/blobs/") {
				http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
				return true
			}
			return false
		})
		elsewhere.turn(nil)
		secret := withSecret(auths(t, h.host, object{"username": user, "password": password}), nil)
		if got := fetch(t, h.source(t, ":v1", secret), "").Manifest; got != digest {
			t.Errorf("%s: manifest is %s, want %s", kind, got, digest)
		}
		if asked, header := elsewhere.asked(), elsewhere.seen; len(asked) != 1 || header.Get("Authorization") != "" {
			t.Errorf("%s: the other host was asked %q with the header %v", kind, asked, header)
		}
		// Nor do they go to a host that, once it has been redirected to, asks for them.
		elsewhere.turn(wants)
		if _, err := h.source(t, ":v1", secret).Fetch(t.Context(), ""); err == nil {
			t.Errorf("%s: a layer that its host wants credentials for was read", kind)
		}
		if asked, header := elsewhere.asked(), elsewhere.seen; header.Get("Authorization") != "" || len(asked) > 2 {
			t.Errorf("%s: the other host was asked %q with the header %v", kind, asked, header)
		}
	}
}

func TestPullSecretKeys(t *testing.T) {
	for key, wants := range map[string]map[string]bool{
		"r.example.com":                    {"r.example.com/org/a": true, "r.example.com:443/org/a": false, "x.example.com/org/a": false, "example.com/org/a": false, "r.example.com.evil.test/org/a": false},
		"https://r.example.com:5000/v2/":   {"r.example.com:5000/org/a": true, "r.example.com/org/a": false},
		"r.example.com/org":                {"r.example.com/org/a": true, "r.example.com/organization/a": false},
		"*.example.com":                    {"r.example.com/org/a": true, "a.r.example.com/org/a": false, "example.com/org/a": false},
		"*":                                {"r.example.com/org/a": false},
		"https://index.docker.io/v1/":      {"org/a": true, "r.example.com/org/a": false},
		"docker.io":                        {"org/a": true},
		"[":                                {"r.example.com/org/a": false},
		"r.example.com@evil.test":          {"r.example.com/org/a": false},
		"http://r.example.com/org/a/b/c/d": {"r.example.com/org/a": false},
	} {
		secret, err := oci.ParseSecret([]byte(auths(t, key, object{"username": user, "password": password})))
		if err != nil {
			t.Fatal(err)
		}
		for ref, want := range wants {
			parsed, err := name.ParseReference(strings.Replace(ref, "/a", "/app", 1))
			if err != nil {
				t.Fatal(err)
			}
			got, err := secret.Resolve(parsed.Context())
			if err != nil || (got != authn.Anonymous) != want {
				t.Errorf("%q for %s: %v (error %v), want %v", key, ref, got, err, want)
			}
		}
	}
}

// The entry that says most about a repository wins, as with kubelets.
func TestPullSecretPrefersPaths(t *testing.T) {
	secret, err := oci.ParseSecret([]byte(`{"auths":{"r.example.com":{"username":"a","password":"x"},"r.example.com/org/app":{"username":"c","password":"x"},
		"r.example.com/org":{"username":"b","password":"x"},"*.example.com":{"username":"d","password":"x"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{"r.example.com/org/app": "c", "r.example.com/org/other": "b", "r.example.com/other": "a", "x.example.com/other": "d"} {
		parsed, err := name.ParseReference(ref)
		if err != nil {
			t.Fatal(err)
		}
		got, err := secret.Resolve(parsed.Context())
		if err != nil {
			t.Fatal(err)
		}
		if config, err := got.Authorization(); err != nil || config.Username != want {
			t.Errorf("%s: user %v (error %v), want %s", ref, config, err, want)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add([]byte(`{"auths":{"r.example.com":{"auth":"YTpi"}}}`))
	f.Add([]byte(`{"auths":{"https://[::1]:5000/v2/":{"username":"a","password":"b","identitytoken":"c"},"*.[":null}}`))
	repo, err := name.NewRepository("r.example.com/org/app")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, config []byte) {
		secret, err := oci.ParseSecret(config)
		if err != nil {
			return
		}
		if got, err := secret.Resolve(repo); err != nil || got == nil {
			t.Errorf("resolving: %v, %v", got, err)
		}
	})
}
