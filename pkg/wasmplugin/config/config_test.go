// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

const typed = `"apiVersion":"stowage.dev/v1alpha1","kind":"WasmPluginArgs"`

// wantArgs returns defaulted args with some fields set.
func wantArgs(path, config string, set ...func(*v1alpha1.WasmPluginArgs)) *v1alpha1.WasmPluginArgs {
	args := &v1alpha1.WasmPluginArgs{
		TypeMeta: metav1.TypeMeta{APIVersion: "stowage.dev/v1alpha1", Kind: "WasmPluginArgs"},
		Module:   v1alpha1.ModuleSource{File: &v1alpha1.FileSource{Path: path}},
		Config:   &runtime.RawExtension{Raw: []byte(config)},
	}
	v1alpha1.SetDefaults_WasmPluginArgs(args)
	for _, f := range set {
		f(args)
	}
	return args
}

func messages(errs field.ErrorList) []string {
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}

func TestLoadJSON(t *testing.T) {
	tests := map[string]struct {
		raw      string
		want     *v1alpha1.WasmPluginArgs
		wantErrs []string
	}{
		"absolute path, config defaults to an empty object": {
			raw:  `{` + typed + `,"module":{"file":{"path":"/p/a.wasm"}}}`,
			want: wantArgs("/p/a.wasm", "{}"),
		},
		"relative path, config is kept verbatim": {
			raw:  `{` + typed + `,"module":{"file":{"path":"../a.wasm"}},"config":{"z": 1.0, "a":[1e2]}}`,
			want: wantArgs("../a.wasm", `{"z": 1.0, "a":[1e2]}`),
		},
		"null config is an absent one": {
			raw:  `{` + typed + `,"module":{"file":{"path":"a.wasm"}},"config":null}`,
			want: wantArgs("a.wasm", "{}"),
		},
		"nothing": {
			wantErrs: []string{`args: Required value: add apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs and module`},
		},
		"not an object": {
			raw:      `[1]`,
			wantErrs: []string{`args: Invalid value: "[1]": must be a JSON object: json: cannot unmarshal array into Go value of type map[string]interface {}`},
		},
		"type missing": {
			raw: `{"module":{"file":{"path":"a.wasm"}}}`,
			wantErrs: []string{
				`args.apiVersion: Required value: set it to "stowage.dev/v1alpha1"`,
				`args.kind: Required value: set it to "WasmPluginArgs"`,
			},
		},
		"type of another version, whose fields are not judged": {
			raw: `{"apiVersion":"stowage.dev/v2","kind":["x"],"wasm":1}`,
			wantErrs: []string{
				`args.apiVersion: Unsupported value: "stowage.dev/v2": supported values: "stowage.dev/v1alpha1"`,
				`args.kind: Unsupported value: "[x]": supported values: "WasmPluginArgs"`,
			},
		},
		"module missing": {
			raw:      `{` + typed + `}`,
			wantErrs: []string{`args.module: Required value: say where the module is: set one of file, configMap, secret, http and oci, for example file: {path: /etc/stowage/policies/my-policy.wasm}`},
		},
		"path missing": {
			raw:      `{` + typed + `,"module":{"file":{}}}`,
			wantErrs: []string{`args.module.file.path: Required value: name a .wasm file`},
		},
		"path not clean": {
			raw:      `{` + typed + `,"module":{"file":{"path":"./a//b/../c.wasm"}}}`,
			wantErrs: []string{`args.module.file.path: Invalid value: "./a//b/../c.wasm": must be in its shortest form: write "a/c.wasm"`},
		},
		"config not an object": {
			raw:      `{` + typed + `,"module":{"file":{"path":"a.wasm"}},"config":[1,2]}`,
			wantErrs: []string{`args.config: Invalid value: "[1,2]": must be an object`},
		},
		"fields of later versions and other letter cases are unknown": {
			raw: `{` + typed + `,"module":{"file":{"path":"a.wasm","Path":"b"},"digset":"x"},"match":{}}`,
			wantErrs: []string{
				`args.module.file.Path: Forbidden: unknown field: check its spelling and place`,
				`args.module.digset: Forbidden: unknown field: check its spelling and place`,
				`args.match: Forbidden: unknown field: check its spelling and place`,
			},
		},
		"duplicates are found in config too": {
			raw: `{` + typed + `,"module":{"file":{"path":"a.wasm","path":"b.wasm"}},"config":{"a":[{"b":1,"b":2}]}}`,
			wantErrs: []string{
				`args.module.file.path: Forbidden: appears more than once: keep one`,
				`args.config.a[0].b: Forbidden: appears more than once: keep one`,
			},
		},
		"all at once, a value of a wrong type is not also missing": {
			raw: `{` + typed + `,"module":{"file":{"path":7}},"modul":{},"config":"x"}`,
			wantErrs: []string{
				`args.module.file.path: Invalid value: "7": must be a string`,
				`args.modul: Forbidden: unknown field: check its spelling and place`,
				`args.config: Invalid value: "\"x\"": must be an object`,
			},
		},
		"a string where an object belongs": {
			raw:      `{` + typed + `,"module":"a.wasm"}`,
			wantErrs: []string{`args.module: Invalid value: "\"a.wasm\"": must be an object`},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, errs := LoadJSON([]byte(tc.raw), field.NewPath("args"))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("args (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantErrs, messages(errs)); diff != "" {
				t.Errorf("problems (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	given := &v1alpha1.WasmPluginArgs{Module: v1alpha1.ModuleSource{File: &v1alpha1.FileSource{Path: "a.wasm"}}}
	defaulted := wantArgs("a.wasm", "{}", func(args *v1alpha1.WasmPluginArgs) { args.TypeMeta = metav1.TypeMeta{} })
	tests := map[string]struct {
		obj      runtime.Object
		want     *v1alpha1.WasmPluginArgs
		wantErrs []string
	}{
		"as the scheduler passes it": {
			obj:  &runtime.Unknown{Raw: []byte(`{` + typed + `,"module":{"file":{"path":"a.wasm"}}}`), ContentType: runtime.ContentTypeJSON},
			want: wantArgs("a.wasm", "{}"),
		},
		"typed": {obj: given, want: defaulted},
		"none": {
			wantErrs: []string{`args: Required value: add apiVersion: stowage.dev/v1alpha1, kind: WasmPluginArgs and module`},
		},
		"of another type": {
			obj:      &corev1.Pod{},
			wantErrs: []string{`args: Invalid value: "/, Kind=": must be WasmPluginArgs, not *v1.Pod`},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, errs := Load(tc.obj, field.NewPath("args"))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("args (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantErrs, messages(errs)); diff != "" {
				t.Errorf("problems (-want,+got):\n%s", diff)
			}
		})
	}
	if given.Config != nil {
		t.Error("Load defaulted the caller's args, want a copy")
	}
}
