// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stowage-scheduler/stowage/"

// layers is which packages of this module each package may import: the arrow of the design. A
// new package gets its line here.
var layers = map[string][]string{
	"cmd/scheduler": {"pkg/wasmplugin", "pkg/wasmplugin/config"},
	"pkg/wasmplugin": {
		"pkg/wasmplugin/abi", "pkg/wasmplugin/config", "pkg/wasmplugin/config/v1alpha1", "pkg/wasmplugin/internal/breaker",
		"pkg/wasmplugin/internal/cache",
		"pkg/wasmplugin/internal/engine", "pkg/wasmplugin/internal/generation", "pkg/wasmplugin/internal/guest", "pkg/wasmplugin/internal/hostcall",
		"pkg/wasmplugin/internal/ledger", "pkg/wasmplugin/internal/meter", "pkg/wasmplugin/internal/metrics",
		"pkg/wasmplugin/internal/objects", "pkg/wasmplugin/internal/preemption", "pkg/wasmplugin/internal/shareddata",
		"pkg/wasmplugin/internal/signature", "pkg/wasmplugin/internal/snapshot", "pkg/wasmplugin/internal/source",
		"pkg/wasmplugin/internal/source/oci", "pkg/wasmplugin/internal/verify", "pkg/wasmplugin/internal/wasm",
	},
	"pkg/wasmplugin/abi":              {},
	"pkg/wasmplugin/config":           {"pkg/wasmplugin/abi", "pkg/wasmplugin/config/v1alpha1"},
	"pkg/wasmplugin/config/v1alpha1":  {},
	"pkg/wasmplugin/internal/arena":   {},
	"pkg/wasmplugin/internal/breaker": {},
	"pkg/wasmplugin/internal/cache":   {},
	"pkg/wasmplugin/internal/engine": {
		"pkg/wasmplugin/abi", "pkg/wasmplugin/internal/arena", "pkg/wasmplugin/internal/hostcall", "pkg/wasmplugin/internal/meter",
	},
	"pkg/wasmplugin/internal/generation": {"pkg/wasmplugin/internal/source"},
	"pkg/wasmplugin/internal/guest":      {"pkg/wasmplugin/abi", "pkg/wasmplugin/internal/arena", "pkg/wasmplugin/internal/engine"},
	"pkg/wasmplugin/internal/hostcall":   {"pkg/wasmplugin/abi"},
	"pkg/wasmplugin/internal/ledger":     {},
	"pkg/wasmplugin/internal/meter":      {"pkg/wasmplugin/internal/wasm"},
	"pkg/wasmplugin/internal/metrics":    {},
	"pkg/wasmplugin/internal/objects":    {"pkg/wasmplugin/abi"},
	"pkg/wasmplugin/internal/preemption": {},
	"pkg/wasmplugin/internal/shareddata": {},
	"pkg/wasmplugin/internal/snapshot":   {"pkg/wasmplugin/abi", "pkg/wasmplugin/internal/arena"},
	"pkg/wasmplugin/internal/signature":  {"pkg/wasmplugin/internal/source"},
	"pkg/wasmplugin/internal/source":     {},
	"pkg/wasmplugin/internal/source/oci": {"pkg/wasmplugin/internal/source"},
	"pkg/wasmplugin/internal/verify":     {"pkg/wasmplugin/abi", "pkg/wasmplugin/internal/wasm"},
	"pkg/wasmplugin/internal/wasm":       {},
}

// seesOnly is which packages may import others' packages, by the start of their path.
var seesOnly = map[string][]string{
	"github.com/tetratelabs/wazero": {"pkg/wasmplugin/internal/engine"},
	"k8s.io/kube-scheduler/framework": {
		"pkg/wasmplugin", "pkg/wasmplugin/internal/snapshot", "pkg/wasmplugin/internal/ledger", "pkg/wasmplugin/internal/preemption", "cmd/scheduler",
	},
	"k8s.io/kubernetes/": {"pkg/wasmplugin/internal/preemption", "cmd/scheduler"},
	"golang.org/x/sys/":  {"pkg/wasmplugin/internal/arena"},
}

// forTests is packages that only tests import; they see what tests see.
var forTests = []string{
	"pkg/wasmplugin/internal/wasmtest", "pkg/wasmplugin/conformance/hostile",
	"pkg/wasmplugin/conformance", "pkg/wasmplugin/conformance/policytest",
}

// pkg is what this test wants to know of a package.
type pkg struct {
	ImportPath, Dir, Doc string
	GoFiles, Imports     []string
}

func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) (out []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports", module+"pkg/...", module+"cmd/...")
	list, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(list))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(forTests, p.name()) {
			continue
		}
		allowed, known := layers[p.name()]
		if !known {
			t.Errorf("package %s has no line in the table of layers", p.name())
		}
		for _, i := range p.Imports {
			own := strings.TrimPrefix(i, module)
			if own != i && !slices.Contains(allowed, own) {
				t.Errorf("%s must not import %s: it may import %v", p.name(), own, allowed)
			}
			for prefix, who := range seesOnly {
				if strings.HasPrefix(i, prefix) && !slices.Contains(who, p.name()) {
					t.Errorf("%s must not import %s: only %v may", p.name(), i, who)
				}
			}
		}
	}
}

// The contract is copied into SDKs, so it must not need anything.
func TestABINeedsOnlyTheStandardLibrary(t *testing.T) {
	for _, p := range packages(t) {
		if p.name() != "pkg/wasmplugin/abi" {
			continue
		}
		for _, i := range p.Imports {
			if first, _, _ := strings.Cut(i, "/"); strings.Contains(first, ".") {
				t.Errorf("abi imports %s", i)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("package %s has no package comment", p.name())
		}
	}
}

// What a guest decided becomes a status in one place, so that there is one place to check that
// no unknown code ever reaches the framework.
func TestStatusesAreMadeInOnePlace(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			if p.name() == "pkg/wasmplugin" && name == "status.go" {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && (sel.Sel.Name == "NewStatus" || sel.Sel.Name == "AsStatus") {
					t.Errorf("%s/%s makes a status; do it in pkg/wasmplugin/status.go", p.name(), name)
				}
				return true
			})
		}
	}
}
