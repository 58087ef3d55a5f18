// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package verify_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/verify"
)

// stricter is what Check refuses though the specification and wazero accept it.
var stricter = []string{
	"it imports the ", // memories, tables and globals belong to the module
	"table.grow is refused",
	"opcode in more bytes than it needs",
}

// The tests of the specification come with wazero, as modules. Whatever wazero accepts, Check
// accepts, apart from what it is meant to refuse; the compiler survives all that Check accepts.
func TestSpecification(t *testing.T) {
	c := newCompiler(t)
	accepted, refused := 0, 0
	for _, path := range specification(t) {
		module, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		err = verify.Structure(module)
		compiled := c.runtimeCompile(module)
		switch {
		case err == nil:
			accepted++
		case compiled == nil && !isStricter(err):
			t.Errorf("%s: %v", filepath.Base(path), err)
		default:
			refused++
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted < 1500 || refused < 500 {
		t.Errorf("%d accepted, %d refused: the tests of the specification are incomplete", accepted, refused)
	}
}

func isStricter(err error) bool {
	for _, reason := range stricter {
		if strings.Contains(err.Error(), reason) {
			return true
		}
	}
	return false
}

func specification(t *testing.T) (paths []string) {
	for _, version := range []string{"v1", "v2"} {
		found, err := filepath.Glob(filepath.Join(wazeroDir(t), "internal", "integration_test", "spectest", version, "testdata", "*.wasm"))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}

// wazeroDir is where the module with wazero and its tests is.
func wazeroDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("looking for wazero: %v", err)
	}
	return strings.TrimSpace(string(out))
}
