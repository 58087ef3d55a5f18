// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	componentbaseconfig "k8s.io/component-base/config"
)

func TestSelf(t *testing.T) {
	elected := componentbaseconfig.LeaderElectionConfiguration{LeaderElect: true, ResourceNamespace: "stowage-system", ResourceName: "stowage"}
	lease := &v1.ObjectReference{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: "stowage-system", Name: "stowage"}
	pod := &v1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: "ns", Name: "stowage-1", UID: "4f"}
	tests := map[string]struct {
		env      map[string]string
		election componentbaseconfig.LeaderElectionConfiguration
		want     *v1.ObjectReference
	}{
		"pod":                          {env: map[string]string{"POD_NAME": "stowage-1", "POD_NAMESPACE": "ns", "POD_UID": "4f"}, want: pod},
		"pod rather than lease":        {env: map[string]string{"POD_NAME": "stowage-1", "POD_NAMESPACE": "ns", "POD_UID": "4f"}, election: elected, want: pod},
		"pod without its UID":          {env: map[string]string{"POD_NAME": "p", "POD_NAMESPACE": "ns"}, want: &v1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: "ns", Name: "p"}},
		"lease":                        {election: elected, want: lease},
		"lease, for half a pod":        {env: map[string]string{"POD_NAME": "p"}, election: elected, want: lease},
		"neither":                      {},
		"neither, without an election": {election: componentbaseconfig.LeaderElectionConfiguration{ResourceName: "stowage"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := self(func(key string) string { return tc.env[key] }, tc.election)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("self() (-want,+got):\n%s", diff)
			}
		})
	}
}
