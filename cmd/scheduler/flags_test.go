// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"k8s.io/component-base/cli"
)

// TestPolicyMemory ends each command at a configuration file that does not exist.
func TestPolicyMemory(t *testing.T) {
	tests := map[string]struct {
		args []string
		want int64
	}{
		"default":  {want: 2 << 30},
		"least":    {args: []string{"--policy-memory=16Mi"}, want: 16 << 20},
		"in bytes": {args: []string{"--policy-memory=500000000"}, want: 500_000_000},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inFiles(t, nil)
			host := &fakeHost{}
			cmd := newCommand(host)
			cmd.SetArgs(append(tc.args, "--config=none.yaml"))
			if code := cli.Run(cmd); code != 1 {
				t.Errorf("exit code = %d, want 1", code)
			}
			if host.memory != tc.want {
				t.Errorf("memory limit = %d, want %d", host.memory, tc.want)
			}
		})
	}
}

func TestPolicyMemoryRefuses(t *testing.T) {
	for name, value := range map[string]string{
		"less than the least":  "16777215",
		"more than an integer": "1e30",
		"negative":             "-1Gi",
		"nothing":              "",
		"no quantity":          "much",
	} {
		t.Run(name, func(t *testing.T) {
			err := newCommand(&fakeHost{}).ParseFlags([]string{"--policy-memory=" + value})
			want := fmt.Sprintf(`invalid argument %q for "--policy-memory" flag: must be a quantity between 16Mi and 1Pi, for example 2Gi`, value)
			if err == nil || err.Error() != want {
				t.Errorf("error = %v, want %s", err, want)
			}
		})
	}
}

func TestHelpHasASectionForPolicies(t *testing.T) {
	var out bytes.Buffer
	cmd := newCommand(&fakeHost{})
	cmd.SetArgs([]string{"--help"})
	cmd.SetOut(&out)
	if code := cli.Run(cmd); code != 0 {
		t.Errorf("exit code = %d, want 0", code)
	}
	_, section, _ := strings.Cut(out.String(), "\nPolicy flags:\n")
	for _, want := range []string{"--policy-memory quantity", "(default 2Gi)", "--policy-cache-dir string", "--require-policy-digest", "--require-policy-signature"} {
		if !strings.Contains(section, want) {
			t.Errorf("help = %s\nwant a section of policy flags with %q", out.String(), want)
		}
	}
}
