// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
)

const bareAndPinned = `
profiles:
- plugins: {multiPoint: {enabled: [{name: bare}, {name: pinned}]}}
  pluginConfig:
  - name: bare
    args:
      apiVersion: stowage.dev/v1alpha1
      kind: WasmPluginArgs
      module: {file: {path: good.wasm}}
      canary: {percent: 1, module: {file: {path: canary.wasm}}}
      shadow: {module: {file: {path: shadow.wasm}, verify: {keyless: {trustedRootFile: good.wasm, identities: [{issuer: a, subject: b}]}}}}
  - name: pinned
    args:
      apiVersion: stowage.dev/v1alpha1
      kind: WasmPluginArgs
      module: {file: {path: good.wasm}, digest: "sha256:DIGEST"}
`

func TestRulesAreDemandedOfEveryModule(t *testing.T) {
	const first, second = "profiles[0].pluginConfig[0].args.", "profiles[0].pluginConfig[1].args."
	tests := map[string]struct {
		rules Rules
		want  []string
	}{
		"none": {},
		"digest": {
			rules: Rules{Digest: true},
			want: []string{
				first + "module.digest: Required value: " + needsDigest,
				first + "canary.module.digest: Required value: " + needsDigest,
				first + "shadow.module.digest: Required value: " + needsDigest,
			},
		},
		"signature": {
			rules: Rules{Signature: true},
			want: []string{
				first + "module.verify: Required value: " + needsSignature,
				first + "canary.module.verify: Required value: " + needsSignature,
				second + "module.verify: Required value: " + needsSignature,
			},
		},
	}
	profiles := strings.ReplaceAll(bareAndPinned, "DIGEST", strings.Repeat("0", 64))
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tc.rules.LoadSchedulerConfig(inConfig(t, profiles))
			if diff := cmp.Diff(tc.want, problems(err)); diff != "" {
				t.Errorf("problems (-want,+got):\n%s", diff)
			}
		})
	}
}

// A rule is reported with everything else, and not of what is reported already.
func TestRulesBesideOtherProblems(t *testing.T) {
	const path = "profiles[0].pluginConfig[0].args.module."
	profiles := `
profiles:
- plugins: {multiPoint: {enabled: [{name: zone}]}}
  pluginConfig:
  - {name: zone, args: {apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs, module: {file: {path: none.wasm}, verify: {}}}}`
	_, err := Rules{Digest: true, Signature: true}.LoadSchedulerConfig(inConfig(t, profiles))
	want := []string{
		path + "verify: Required value: say who must have signed, with keys or keyless",
		path + "file.path: Invalid value: \"none.wasm\": does not exist",
		path + "digest: Required value: " + needsDigest,
	}
	if diff := cmp.Diff(want, problems(err)); diff != "" {
		t.Errorf("problems (-want,+got):\n%s", diff)
	}
}

func problems(err error) []string {
	var all utilerrors.Aggregate
	if !errors.As(err, &all) {
		return nil
	}
	var out []string
	for _, problem := range all.Errors() {
		out = append(out, problem.Error())
	}
	return out
}
