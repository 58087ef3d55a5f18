// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

func TestSchemeDecodesAndDefaults(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	raw := []byte("apiVersion: stowage.dev/v1alpha1\nkind: WasmPluginArgs\nmodule: {file: {path: a.wasm}}\n")
	got, err := runtime.Decode(codecs.UniversalDeserializer(), raw)
	if err != nil {
		t.Fatal(err)
	}
	scheme.Default(got)
	want := &WasmPluginArgs{
		TypeMeta: metav1.TypeMeta{APIVersion: "stowage.dev/v1alpha1", Kind: Kind},
		Module:   ModuleSource{File: &FileSource{Path: "a.wasm"}},
	}
	SetDefaults_WasmPluginArgs(want)
	if diff := cmp.Diff(runtime.Object(want), got); diff != "" {
		t.Errorf("args (-want,+got):\n%s", diff)
	}
}
