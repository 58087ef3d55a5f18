// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// loadAll loads args that have nothing but the given fields.
func loadAll(t *testing.T, fields string) (*v1alpha1.WasmPluginArgs, field.ErrorList) {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte("apiVersion: stowage.dev/v1alpha1\nkind: WasmPluginArgs\n" + fields))
	if err != nil {
		t.Fatal(err)
	}
	return LoadJSON(raw, field.NewPath("args"))
}

const hexDigest = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestLoadSources(t *testing.T) {
	minute, hour := &metav1.Duration{Duration: time.Minute}, &metav1.Duration{Duration: time.Hour}
	tests := map[string]struct {
		module string
		want   v1alpha1.ModuleSource
	}{
		"configMap with digest": {
			module: `{configMap: {namespace: ns, name: zone.v1, key: policy.wasm.gz}, digest: "` + hexDigest + `"}`,
			want: v1alpha1.ModuleSource{
				ConfigMap: &v1alpha1.ConfigMapKeyRef{Namespace: "ns", Name: "zone.v1", Key: "policy.wasm.gz"}, Digest: hexDigest,
			},
		},
		"secret": {
			module: `{secret: {namespace: ns, name: zone, key: policy_1}}`,
			want:   v1alpha1.ModuleSource{Secret: &v1alpha1.SecretKeyRef{Namespace: "ns", Name: "zone", Key: "policy_1"}},
		},
		"http": {
			module: `{http: {url: "https://example.com:8443/p.wasm?v=1"}}`,
			want:   v1alpha1.ModuleSource{HTTP: &v1alpha1.HTTPSource{URL: "https://example.com:8443/p.wasm?v=1", PollInterval: minute}},
		},
		"http with everything": {
			module: `{http: {url: "http://[::1]/p", plainHTTP: true, caFile: /ca.pem, pollInterval: 1h,
  bearerToken: {namespace: ns, name: token, key: token}}}`,
			want: v1alpha1.ModuleSource{HTTP: &v1alpha1.HTTPSource{
				URL: "http://[::1]/p", PlainHTTP: true, CAFile: "/ca.pem", PollInterval: hour,
				BearerToken: &v1alpha1.SecretKeyRef{Namespace: "ns", Name: "token", Key: "token"},
			}},
		},
		"oci": {
			module: `{oci: {reference: registry.example.com/policies/zone:v1}}`,
			want: v1alpha1.ModuleSource{
				OCI: &v1alpha1.OCISource{Reference: "registry.example.com/policies/zone:v1", PollInterval: minute},
			},
		},
		"oci with everything": {
			module: `{digest: "` + hexDigest + `", oci: {reference: "localhost:5000/zone@` + hexDigest + `", plainHTTP: true, caFile: ca.pem,
  pullSecret: {namespace: ns, name: pull}, pollInterval: 1h}}`,
			want: v1alpha1.ModuleSource{Digest: hexDigest, OCI: &v1alpha1.OCISource{
				Reference: "localhost:5000/zone@" + hexDigest, PlainHTTP: true, CAFile: "ca.pem", PollInterval: hour,
				PullSecret: &v1alpha1.SecretRef{Namespace: "ns", Name: "pull"},
			}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, errs := loadAll(t, "module: "+tc.module)
			if len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			if diff := cmp.Diff(tc.want, got.Module); diff != "" {
				t.Errorf("module (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestLoadSourceProblems(t *testing.T) {
	tests := map[string]struct {
		module string
		want   []string
	}{
		"none": {
			module: `{digest: "` + hexDigest + `"}`,
			want: []string{
				`module: Required value: say where the module is: set one of file, configMap, secret, http and oci, for example file: {path: /etc/stowage/policies/my-policy.wasm}`,
			},
		},
		"several, each with its own problems": {
			module: `{oci: {reference: a/bb}, http: {url: ftp://x/y}, file: {path: ""}}`,
			want: []string{
				`module.http: Forbidden: args.module.file is set too: keep one of them`,
				`module.oci: Forbidden: args.module.file is set too: keep one of them`,
				`module.file.path: Required value: name a .wasm file`,
				`module.http.url: Invalid value: "ftp://x/y": must begin with https:// and a host`,
			},
		},
		"names of objects": {
			module: `{configMap: {namespace: Ns, key: a/b}, secret: {name: a_b}}`,
			want: []string{
				`module.secret: Forbidden: args.module.configMap is set too: keep one of them`,
				`module.configMap.namespace: Invalid value: "Ns": a lowercase RFC 1123 label must`,
				`module.configMap.name: Required value: name the object`,
				`module.configMap.key: Invalid value: "a/b": a valid config key must`,
				`module.secret.namespace: Required value: name the namespace`,
				`module.secret.name: Invalid value: "a_b": a lowercase RFC 1123 subdomain must`,
				`module.secret.key: Required value: name the key`,
			},
		},
		"http": {
			module: `{http: {url: "http://example.com/p", caFile: a//b, pollInterval: 999ms, bearerToken: {}}}`,
			want: []string{
				`module.http.url: Invalid value: "http://example.com/p": must begin with https://: anybody on the way could replace the module; set plainHTTP if that is meant`,
				`module.http.caFile: Invalid value: "a//b": must be in its shortest form: write "a/b"`,
				`module.http.pollInterval: Invalid value: "999ms": must be between 1s and 24h0m0s`,
				`module.http.bearerToken.namespace: Required value: name the namespace`,
				`module.http.bearerToken.name: Required value: name the object`,
				`module.http.bearerToken.key: Required value: name the key`,
			},
		},
		"oci": {
			module: `{digest: "` + strings.ToUpper(hexDigest) + `", oci: {reference: "https://example.com/p:v1", caFile: ./a, pollInterval: 25h, pullSecret: {}}}`,
			want: []string{
				`module.oci.reference: Invalid value: "https://example.com/p:v1": must be registry/repository:tag or registry/repository@sha256:<digest>, without a scheme`,
				`module.oci.caFile: Invalid value: "./a": must be in its shortest form: write "a"`,
				`module.oci.pollInterval: Invalid value: "25h0m0s": must be between 1s and 24h0m0s`,
				`module.oci.pullSecret.namespace: Required value: name the namespace`,
				`module.oci.pullSecret.name: Required value: name the object`,
				`module.digest: Invalid value: "` + strings.ToUpper(hexDigest) + `": must be "sha256:" and 64 lower-case hexadecimal digits`,
			},
		},
		"required fields": {
			module: `{http: {}, oci: {}}`,
			want: []string{
				`module.oci: Forbidden: args.module.http is set too: keep one of them`,
				`module.http.url: Required value: give the module's URL, for example https://example.com/my-policy.wasm`,
				`module.oci.reference: Required value: name the artifact, for example registry.example.com/policies/my-policy:v1`,
			},
		},
		"two digests": {
			module: `{oci: {reference: "a.io/bb@` + hexDigest + `"}, digest: "sha256:` + strings.Repeat("0", 64) + `"}`,
			want: []string{
				`module.oci.reference: Invalid value: "a.io/bb@` + hexDigest + `": has another digest than module.digest, sha256:` + strings.Repeat("0", 64) + `: keep one`,
			},
		},
		"values of wrong types are not missing too": {
			module: `{oci: [1], http: {url: 3, plainHTTP: "yes", pollInterval: 5}, digest: 7, verify: x}`,
			want: []string{
				`module.http.url: Invalid value: "3": must be a string`,
				`module.http.plainHTTP: Invalid value: "\"yes\"": must be true or false`,
				`module.http.pollInterval: Invalid value: "5": must be a duration, for example 100ms`,
				`module.oci: Invalid value: "[1]": must be an object`,
				`module.digest: Invalid value: "7": must be a string`,
				`module.verify: Invalid value: "\"x\"": must be an object`,
			},
		},
		"the only source has the wrong type": {
			module: `{file: policy.wasm}`,
			want:   []string{`module.file: Invalid value: "\"policy.wasm\"": must be an object`},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, errs := loadAll(t, "module: "+tc.module)
			checkMessages(t, tc.want, errs)
		})
	}
}

// checkMessages compares beginnings: the ends of some messages are Kubernetes' own.
func checkMessages(t *testing.T, want []string, errs field.ErrorList) {
	t.Helper()
	var got []string
	for i, message := range messages(errs) {
		message = strings.TrimPrefix(message, "args.")
		if i < len(want) && strings.HasPrefix(message, want[i]) {
			message = want[i]
		}
		got = append(got, message)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want,+got):\n%s", diff)
	}
}

func TestURLs(t *testing.T) {
	tests := map[string]struct {
		url   string
		plain bool
		want  string
	}{
		"https":            {url: "https://example.com"},
		"https, plain too": {url: "https://example.com/a", plain: true},
		"plain":            {url: "http://10.0.0.1:80/a", plain: true},
		"upper case":       {url: "HTTPS://EXAMPLE.COM/A"},
		"no scheme":        {url: "example.com/a", want: `url: Invalid value: "example.com/a": must begin with https:// and a host`},
		"no host":          {url: "https:///a", want: `url: Invalid value: "https:///a": must begin with https:// and a host`},
		"port only":        {url: "https://:443/a", want: `url: Invalid value: "https://:443/a": must begin with https:// and a host`},
		"opaque":           {url: "https:a", want: `url: Invalid value: "https:a": must begin with https:// and a host`},
		"file":             {url: "file:///a", plain: true, want: `url: Invalid value: "file:///a": must begin with https:// and a host`},
		"not a URL":        {url: "https://u:secret@ /", want: `url: Invalid value: "...": must be a URL, for example https://example.com/my-policy.wasm`},
		"password": {
			url:  "https://u:secret@example.com/a",
			want: `url: Invalid value: "https://u:xxxxx@example.com/a": must not have a user or password: put a token into a Secret and name it in bearerToken`,
		},
		"fragment": {
			url:  "https://example.com/a#b",
			want: `url: Invalid value: "https://example.com/a#b": must not have a fragment: servers never see it; leave out #b`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			if errs := validateURL(tc.url, tc.plain, field.NewPath("url")); len(errs) > 0 {
				got = errs.ToAggregate().Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("problem (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestLoadConfigFrom(t *testing.T) {
	args, errs := loadYAML(t, `configFrom: {configMap: {namespace: ns, name: zone, key: config.yaml}}`)
	want := wantArgs("a.wasm", "", func(args *v1alpha1.WasmPluginArgs) {
		args.Config = nil
		args.ConfigFrom = &v1alpha1.ConfigSource{ConfigMap: &v1alpha1.ConfigMapKeyRef{Namespace: "ns", Name: "zone", Key: "config.yaml"}}
	})
	checkMessages(t, nil, errs)
	if diff := cmp.Diff(want, args); diff != "" {
		t.Errorf("args (-want,+got):\n%s", diff)
	}
}

func TestLoadTrials(t *testing.T) {
	args, errs := loadYAML(t, `
config: {a: 1}
canary:
  module: {http: {url: "https://example.com/p.wasm"}}
  namespaceSelector: {matchLabels: {team: a}, matchExpressions: [{key: b, operator: Exists}]}
shadow: {module: {oci: {reference: a.io/bb}}, config: {a: 2}}`)
	want := wantArgs("a.wasm", `{"a":1}`, func(args *v1alpha1.WasmPluginArgs) {
		minute := &metav1.Duration{Duration: time.Minute}
		args.Canary = &v1alpha1.Canary{
			Module: v1alpha1.ModuleSource{HTTP: &v1alpha1.HTTPSource{URL: "https://example.com/p.wasm", PollInterval: minute}},
			NamespaceSelector: &metav1.LabelSelector{
				MatchLabels:      map[string]string{"team": "a"},
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "b", Operator: metav1.LabelSelectorOpExists}},
			},
		}
		args.Shadow = &v1alpha1.Shadow{
			Module: v1alpha1.ModuleSource{OCI: &v1alpha1.OCISource{Reference: "a.io/bb", PollInterval: minute}},
			Config: &runtime.RawExtension{Raw: []byte(`{"a":2}`)},
		}
	})
	checkMessages(t, nil, errs)
	if diff := cmp.Diff(want, args); diff != "" {
		t.Errorf("args (-want,+got):\n%s", diff)
	}
}

func TestLoadConfigFromAndTrialProblems(t *testing.T) {
	tests := map[string]struct {
		fields string
		want   []string
	}{
		"config twice": {
			fields: "config: 3\nconfigFrom: {configMap: {namespace: a, name: b, key: c}}",
			want: []string{
				`configFrom: Forbidden: args.config is set too: keep one of them`,
				`config: Invalid value: "3": must be an object`,
			},
		},
		"config from nowhere": {
			fields: `configFrom: {}`,
			want:   []string{`configFrom.configMap: Required value: say where the config is, as {namespace: ..., name: ..., key: ...}`},
		},
		"config from an incomplete place": {
			fields: `configFrom: {configMap: {name: b}, secret: {}}`,
			want: []string{
				`configFrom.secret: Forbidden: unknown field: check its spelling and place`,
				`configFrom.configMap.namespace: Required value: name the namespace`,
				`configFrom.configMap.key: Required value: name the key`,
			},
		},
		"canary of a policy without effect": {
			fields: "mode: Monitor\ncanary: {module: {file: {path: a.wasm}}, percent: 5}",
			want:   []string{`canary: Forbidden: a policy in mode Monitor decides nothing: use shadow to compare two modules`},
		},
		"canary and shadow of nothing": {
			fields: "canary: {}\nshadow: {config: [1]}",
			want: []string{
				`canary.module: Required value: say where the module is`,
				`canary: Required value: say for which pods, with percent or namespaceSelector`,
				`shadow.module: Required value: say where the module is`,
				`shadow.config: Invalid value: "[1]": must be an object`,
			},
		},
		"canary of too much": {
			fields: `canary: {module: {file: {path: c.wasm}}, config: null, percent: 100, namespaceSelector: {}}`,
			want: []string{
				`canary.namespaceSelector: Forbidden: args.canary.percent is set too: keep one of them`,
				`canary.percent: Invalid value: "100": must be between 1 and 99`,
				`canary.namespaceSelector: Required value: is empty, which selects every namespace: to replace the module for all pods, change args.module`,
			},
		},
		"selector": {
			fields: `canary: {module: {file: {path: c.wasm}}, namespaceSelector: {matchLabels: {"a b": c}, matchExpressions: [{key: b, operator: In}]}}`,
			want: []string{
				`canary.namespaceSelector.matchLabels: Invalid value: "a b": name part must`,
				`canary.namespaceSelector.matchExpressions[0].values: Required value: must be specified when`,
			},
		},
		"values of wrong types": {
			fields: `canary: {module: {file: {path: c.wasm}}, percent: "5", namespaceSelector: {matchLabels: [a], x: 1}}`,
			want: []string{
				`canary.percent: Invalid value: "\"5\"": must be a whole number that fits into 32 bits`,
				`canary.namespaceSelector.matchLabels: Invalid value: "[\"a\"]": must be an object whose values are strings`,
				`canary.namespaceSelector.x: Forbidden: unknown field: check its spelling and place`,
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, errs := loadYAML(t, tc.fields)
			checkMessages(t, tc.want, errs)
		})
	}
}
