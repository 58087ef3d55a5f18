// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The SDK carries a copy of the contract so that policies depend on nothing else.
func TestABIIsTheHosts(t *testing.T) {
	const host, copied = "../../pkg/wasmplugin/abi", "internal/abi"
	want, got := sources(t, host), sources(t, copied)
	if len(want) == 0 {
		t.Log("the host's sources are not beside the SDK: nothing to compare with")
		return
	}
	for name := range want {
		if !bytes.Equal(want[name], got[name]) {
			t.Errorf("%s/%s is not the host's: run make abi-copy", copied, name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s/%s is not in the host's ABI: run make abi-copy", copied, name)
	}
}

func sources(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
