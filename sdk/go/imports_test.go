// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const policySource = `package main

import stowage "github.com/stowage-scheduler/stowage/sdk/go"

type policy struct{}

func (policy) Filter(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status {
	BODY
	return stowage.Success()
}

func init() { stowage.Register(policy{}, 0) }

func main() {}
`

// A module imports the host functions that its policy calls and no other: each needs a capability.
func TestModulesImportWhatTheyCall(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want []string
	}{
		"nothing": {"", nil},
		"some":    {`if stowage.Used(0, "a", "cpu") > 1 { stowage.Wake(stowage.Second) }`, []string{"used", "wake"}},
		"others": {
			`v, _ := stowage.FindObject(0, "a", "b"); stowage.SetSharedData("c", v); stowage.AllowWaiting("d")`,
			[]string{"allow", "data_set", "object"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := imports(t, build(t, strings.Replace(policySource, "BODY", tc.body, 1))); !slices.Equal(tc.want, got) {
				t.Errorf("want imports %q, got %q", tc.want, got)
			}
		})
	}
}

// build compiles a policy as its author would.
func build(t *testing.T, source string) []byte {
	t.Helper()
	sdk, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/stowage-scheduler/stowage/sdk/go"
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.go": source,
		"go.mod":  "module policy\n\ngo 1.26.0\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + sdk + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-w", "-o", "policy.wasm", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the policy: %v\n%s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "policy.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const importSection = 2

// imports are the functions that a module takes from the host, sorted. Go's linker writes them all as
// functions.
func imports(t *testing.T, module []byte) (names []string) {
	t.Helper()
	for b := module[8:]; len(b) > 0; {
		id := b[0]
		size, n := binary.Uvarint(b[1:])
		section := b[1+n : 1+n+int(size)]
		b = b[1+n+int(size):]
		if id != importSection {
			continue
		}
		count, n := binary.Uvarint(section)
		section = section[n:]
		for range count {
			var from, name string
			from, section = text(section)
			name, section = text(section)
			if from == "stowage" {
				names = append(names, name)
			}
			_, n := binary.Uvarint(section[1:])
			section = section[1+n:]
		}
	}
	slices.Sort(names)
	return names
}

func text(b []byte) (string, []byte) {
	size, n := binary.Uvarint(b)
	return string(b[n : n+int(size)]), b[n+int(size):]
}
