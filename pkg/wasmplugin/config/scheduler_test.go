// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
)

// inConfig writes a KubeSchedulerConfiguration with the given profiles into a directory that also has the module
// good.wasm, the empty file empty.wasm and the directory dir, and makes that the working directory.
func inConfig(t *testing.T, profiles string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.Mkdir("dir", 0o700); err != nil {
		t.Fatal(err)
	}
	header := "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
	for name, content := range map[string]string{"good.wasm": "\x00asm", "empty.wasm": "", "config.yaml": header + profiles} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "config.yaml"
}

const twoProfiles = `
profiles:
- schedulerName: stowage
  plugins:
    multiPoint: {enabled: [{name: zone, weight: 3}]}
    score: {enabled: [{name: pack}]}
  pluginConfig:
  - name: NodeResourcesFitArgs
    args: {apiVersion: kubescheduler.config.k8s.io/v1, kind: NodeResourcesFitArgs}
  - name: zone
    args:
      apiVersion: stowage.dev/v1alpha1
      kind: WasmPluginArgs
      module: {file: {path: good.wasm}}
      config: {zoneKey: zone}
  - name: pack
    args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: good.wasm}}}
- plugins:
    filter: {enabled: [{name: zone}]}
  pluginConfig:
  - {name: zone, args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: good.wasm}}}}
`

func TestLoadSchedulerConfigFindsPolicies(t *testing.T) {
	type policy struct{ Name, Profile, Path, Module, Config string }
	tests := map[string]struct {
		profiles string
		want     []policy
	}{
		"several policies and profiles": {
			profiles: twoProfiles,
			want: []policy{
				{"zone", "stowage", "profiles[0].pluginConfig[1].args", "good.wasm", `{"zoneKey":"zone"}`},
				{"pack", "stowage", "profiles[0].pluginConfig[2].args", "good.wasm", "{}"},
				{"zone", "default-scheduler", "profiles[1].pluginConfig[0].args", "good.wasm", "{}"},
			},
		},
		"no profile": {},
		"in-tree plugins only": {
			profiles: `
profiles:
- pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated}}}]`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			policies, err := LoadSchedulerConfig(inConfig(t, tc.profiles))
			if err != nil {
				t.Fatal(err)
			}
			var got []policy
			for _, p := range policies {
				got = append(got, policy{p.Name, p.Profile, p.Path.String(), p.Args.Module.File.Path, string(p.Args.Config.Raw)})
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("policies (-want,+got):\n%s", diff)
			}
		})
	}
}

// args completes the args of a policy up to the module's path.
const args = `apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path`

func TestLoadSchedulerConfigListsProblems(t *testing.T) {
	tests := map[string]struct {
		profiles string
		want     []string
	}{
		"of every policy, with full paths": {
			profiles: `
profiles:
- plugins: {multiPoint: {enabled: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f}]}}
  pluginConfig:
  - {name: a, args: {apiVersion: stowage.dev/v1, kind: WasmPluginArgs}}
  - {name: b, args: {` + args + `: none.wasm}}, match: {}}}
  - {name: c, args: {` + args + `: empty.wasm}}}}
  - {name: d, args: {` + args + `: dir}}}}
  - {name: e, args: {module: {file: {path: good.wasm}}}}
  - {name: f, args: {` + args + `: good.wasm/x}}}}
- pluginConfig:
  - {name: zone, args: {` + args + `: dir/../good.wasm}}, config: 3}}`,
			want: []string{
				`profiles[0].pluginConfig[0].args.apiVersion: Unsupported value: "stowage.dev/v1": supported values: "stowage.dev/v1alpha1"`,
				`profiles[0].pluginConfig[1].args.match: Forbidden: unknown field: check its spelling and place`,
				`profiles[0].pluginConfig[1].args.module.file.path: Invalid value: "none.wasm": does not exist`,
				`profiles[0].pluginConfig[2].args.module.file.path: Invalid value: "empty.wasm": is empty: put a WebAssembly module there`,
				`profiles[0].pluginConfig[3].args.module.file.path: Invalid value: "dir": must be a regular file, is d---------`,
				`profiles[0].pluginConfig[4].args.apiVersion: Required value: set it to "stowage.dev/v1alpha1"`,
				`profiles[0].pluginConfig[4].args.kind: Required value: set it to "WasmPluginArgs"`,
				`profiles[0].pluginConfig[5].args.module.file.path: Invalid value: "good.wasm/x": cannot be read: not a directory`,
				`profiles[1].pluginConfig[0].name: Invalid value: "zone": is not enabled in this profile: add {name: zone} to profiles[1].plugins.multiPoint.enabled`,
				`profiles[1].pluginConfig[0].args.module.file.path: Invalid value: "dir/../good.wasm": must be in its shortest form: write "good.wasm"`,
				`profiles[1].pluginConfig[0].args.config: Invalid value: "3": must be an object`,
			},
		},
		"files that say whom to trust": {
			profiles: `
profiles:
- plugins: {multiPoint: {enabled: [{name: a}]}}
  pluginConfig:
  - name: a
    args:
      apiVersion: stowage.dev/v1alpha1
      kind: WasmPluginArgs
      module: {http: {url: "https://example.com/p", caFile: none.pem}}
      canary: {percent: 1, module: {oci: {reference: example.com/pp, caFile: empty.wasm}}}
      shadow: {module: {file: {path: later.wasm}, verify: {keyless: {trustedRootFile: dir, identities: [{issuer: a, subject: b}]}}}}`,
			want: []string{
				`profiles[0].pluginConfig[0].args.module.http.caFile: Invalid value: "none.pem": does not exist`,
				`profiles[0].pluginConfig[0].args.canary.module.oci.caFile: Invalid value: "empty.wasm": is empty: put PEM certificates there`,
				`profiles[0].pluginConfig[0].args.shadow.module.verify.keyless.trustedRootFile: Invalid value: "dir": must be a regular file, is d---------`,
			},
		},
		"names": {
			profiles: `
profiles:
- plugins: {multiPoint: {enabled: [{name: zone}, {name: Zone_1}, {name: NodeName}]}}
  pluginConfig:
  - {name: zone, args: {` + args + `: good.wasm}}}}
  - {name: zone, args: {` + args + `: good.wasm}}}}
  - {name: Zone_1, args: {` + args + `: good.wasm}}}}
  - {name: NodeName, args: {` + args + `: good.wasm}}}}
  - {args: {` + args + `: good.wasm}}}}`,
			want: []string{
				`profiles[0].pluginConfig[1].name: Invalid value: "zone": is configured more than once in this profile: keep one`,
				`profiles[0].pluginConfig[2].name: Invalid value: "Zone_1": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
				`profiles[0].pluginConfig[3].name: Invalid value: "NodeName": is the name of a plugin that is built into kube-scheduler: choose another name`,
				`profiles[0].pluginConfig[4].name: Required value: name the policy`,
			},
		},
		"keys that the file repeats": {
			profiles: `
profiles:
- plugins: {multiPoint: {enabled: [{name: zone}]}}
  pluginConfig:
  - name: zone
    args:
      apiVersion: stowage.dev/v1alpha1
      kind: WasmPluginArgs
      module:
        file:
          path: good.wasm
          path: good.wasm
      config: {keys: [{a: 1, a: 2}]}`,
			want: []string{
				`profiles[0].pluginConfig[0].args.module.file.path: Forbidden: appears more than once: keep one`,
				`profiles[0].pluginConfig[0].args.config.keys[0].a: Forbidden: appears more than once: keep one`,
			},
		},
		"a policy that only another profile configures": {
			profiles: `
profiles:
- plugins: {multiPoint: {enabled: [{name: zone}]}}
  pluginConfig: [{name: zone, args: {` + args + `: good.wasm}}}}]
- schedulerName: other
  plugins: {score: {enabled: [{name: zone}]}}`,
			want: []string{`profiles[1].pluginConfig: Required value: policy "zone" is enabled in this profile: give it args here too`},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			policies, err := Rules{Reserved: []string{"NodeName"}}.LoadSchedulerConfig(inConfig(t, tc.profiles))
			var all utilerrors.Aggregate
			if !errors.As(err, &all) {
				t.Fatalf("LoadSchedulerConfig() = %v, %v, want an aggregate of problems", policies, err)
			}
			var got []string
			for _, problem := range all.Errors() {
				got = append(got, problem.Error())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("problems (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestLoadSchedulerConfigUnreadableFile(t *testing.T) {
	tests := map[string]struct {
		content string
		want    string
	}{
		"absent":          {want: "reading scheduler configuration: open "},
		"not YAML":        {content: "a: [", want: "reading scheduler configuration "},
		"of other fields": {content: "profiles: x", want: "reading scheduler configuration "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.yaml")
			if tc.content != "" {
				if err := os.WriteFile(file, []byte(tc.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := LoadSchedulerConfig(file)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("LoadSchedulerConfig() = %v, want an error that begins with %q and names %s", err, tc.want, file)
			}
		})
	}
}
