// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestParseSource(t *testing.T) {
	quotas := schema.GroupVersionResource{Group: "scheduling.x-k8s.io", Version: "v1alpha1", Resource: "elasticquotas"}
	configMaps := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	tests := map[string]struct {
		resource, namespace, labels, fields string
		want                                Source
		wantCapability, wantString, wantErr string
	}{
		"a built-in kind": {
			resource: "configmaps.v1", want: Source{Resource: configMaps},
			wantCapability: "objects:configmaps", wantString: "configmaps.v1",
		},
		"of a group without a dot": {
			resource:       "jobs.v1.batch",
			want:           Source{Resource: schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}},
			wantCapability: "objects:jobs.batch", wantString: "jobs.v1.batch",
		},
		"a custom one with everything": {
			resource: "elasticquotas.v1alpha1.scheduling.x-k8s.io", namespace: "team", labels: "b = c,a", fields: "metadata.name=x",
			want:           Source{quotas, "team", "a,b=c", "metadata.name=x"},
			wantCapability: "objects:elasticquotas.scheduling.x-k8s.io",
			wantString:     "elasticquotas.v1alpha1.scheduling.x-k8s.io in namespace team with labels a,b=c with fields metadata.name=x",
		},
		"nothing":            {resource: "", wantErr: `parsing resource "": "" is not the plural name`},
		"no version":         {resource: "configmaps", wantErr: `parsing resource "configmaps": it has no version`},
		"version forgotten":  {resource: "elasticquotas.scheduling.x-k8s.io", wantErr: `"scheduling" is not a version`},
		"empty version":      {resource: "configmaps..apps", wantErr: `"" is not a version`},
		"group with a slash": {resource: "jobs.v1.batch/v1", wantErr: `"batch/v1" is not an API group`},
		"empty group":        {resource: "jobs.v1.", wantErr: `"" is not an API group`},
		"core by name":       {resource: "configmaps.v1.core", wantErr: "the core group has no name; write configmaps.v1"},
		"kind":               {resource: "ConfigMap.v1", wantErr: `"ConfigMap" is not the plural name`},
		"subresource":        {resource: "pods/log.v1", wantErr: `"pods/log" is not the plural name`},
		"bad namespace":      {resource: "pods.v1", namespace: "a/b", wantErr: `parsing namespace "a/b": `},
		"bad labels":         {resource: "pods.v1", labels: "a in", wantErr: `parsing label selector "a in": `},
		"bad fields":         {resource: "pods.v1", fields: "spec", wantErr: `parsing field selector "spec": `},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseSource(tc.resource, tc.namespace, tc.labels, tc.fields)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("got error %v, want one with %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("source (-want +got):\n%s", diff)
			}
			if got := got.Capability(); got != tc.wantCapability {
				t.Errorf("got capability %q, want %q", got, tc.wantCapability)
			}
			if got := got.String(); got != tc.wantString {
				t.Errorf("got %q, want %q", got, tc.wantString)
			}
		})
	}
}
