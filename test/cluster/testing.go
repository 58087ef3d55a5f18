// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "testing"

// ForTest starts a cluster that is stopped when t ends. If t failed, the end of every process's log is in its
// output.
func ForTest(t testing.TB) *Cluster {
	t.Helper()
	return ForTestWith(t, Options{})
}

// ForTestWith is ForTest for a cluster with options.
func ForTestWith(t testing.TB, opts Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatalf("starting a cluster: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range c.Processes() {
				t.Logf("%s's log ends with\n%s", p.Name(), p.Tail())
			}
		}
		if err := c.Stop(); err != nil {
			t.Errorf("stopping the cluster: %v", err)
		}
	})
	return c
}
