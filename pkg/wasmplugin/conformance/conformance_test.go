// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

const goGuest = "sdk/go/conformance"

func TestGoSDK(t *testing.T) {
	Run(t, wasmtest.Path(t, goGuest))
}

// A field that the guest of the Go SDK learns to echo must get a place in the suite, both where
// it has a value and where it has none.
func TestSuiteKnowsEveryField(t *testing.T) {
	f, err := os.Open(filepath.Join(wasmtest.Root(), goGuest, "testdata", "fields.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	cases := map[string]fieldCase{}
	for _, tc := range fieldCases(t) {
		cases[tc.Name] = tc
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		field, _, _ := strings.Cut(lines.Text(), ":")
		for _, name := range []string{"full pod on the full node", "bare pod on the bare node"} {
			if _, ok := cases[name].Want[field]; !ok {
				t.Errorf("testdata/fields.yaml: case %q has no value for %s", name, field)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
