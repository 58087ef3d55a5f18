// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package samples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config"
)

// root is the repository's top folder; a package's tests run in its own.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// block is the first block of that language in the repository's README.
func block(t *testing.T, language string) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(readme)
	if found == nil {
		t.Fatalf("README.md has no block of %s", language)
	}
	return string(found[1])
}

// The policy that the README shows is one that builds.
func TestReadmePolicyBuilds(t *testing.T) {
	dir, sdk := t.TempDir(), filepath.Join(root(t), "sdk", "go")
	write(t, filepath.Join(dir, "main.go"), block(t, "go"))
	write(t, filepath.Join(dir, "go.mod"), "module policy\n\ngo 1.26\n\nrequire github.com/stowage-scheduler/stowage/sdk/go v0.0.0\n\n"+
		"replace github.com/stowage-scheduler/stowage/sdk/go => "+sdk+"\n")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", "ssd-only.wasm", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the README's policy: %v\n%s", err, out)
	}
}

// The configuration that the README shows is one that the scheduler takes.
func TestReadmeConfigurationIsValid(t *testing.T) {
	dir := t.TempDir()
	module := filepath.Join(dir, "policy.wasm")
	write(t, module, "the configuration is read before the module")
	file := filepath.Join(dir, "scheduler.yaml")
	write(t, file, strings.ReplaceAll(block(t, "yaml"), "/policies/zone-affinity.wasm", module))
	policies, err := config.LoadSchedulerConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(policies) != 1 || policies[0].Name != "zone-policy" {
		t.Errorf("found policies %v, want zone-policy", policies)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
