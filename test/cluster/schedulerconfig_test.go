// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConnectConfig(t *testing.T) {
	tests := map[string]struct {
		config, want string
		wantErr      bool
	}{
		"both keys are added": {
			config: "kind: K\n",
			want:   "kind: K\nleaderElection:\n    leaderElect: false\nclientConnection:\n    kubeconfig: \"/k\"\n",
		},
		"leader election stays, other connection settings stay": {
			config: "leaderElection: {leaderElect: true}\nclientConnection: {qps: 5}\n",
			want:   "leaderElection: {leaderElect: true}\nclientConnection: {qps: 5, kubeconfig: \"/k\"}\n",
		},
		"another kubeconfig is replaced": {
			config: "leaderElection: {}\nclientConnection:\n    kubeconfig: /old\n",
			want:   "leaderElection: {}\nclientConnection:\n    kubeconfig: \"/k\"\n",
		},
		"what is wrong stays wrong": {
			config: "leaderElection: {}\nclientConnection:\nargs:\n    a: 1\n    a: 2\n",
			want:   "leaderElection: {}\nclientConnection:\n    kubeconfig: \"/k\"\nargs:\n    a: 1\n    a: 2\n",
		},
		"no mapping": {config: "- a\n", wantErr: true},
		"no YAML":    {config: "a: [", wantErr: true},
		"empty":      {config: "", wantErr: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := connectConfig([]byte(tc.config), "/k")
			if (err != nil) != tc.wantErr {
				t.Fatalf("got error %v, want one: %t", err, tc.wantErr)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("configuration differs (-want,+got):\n%s", diff)
			}
		})
	}
}
