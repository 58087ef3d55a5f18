// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wasmtest builds guests for tests, once per process and guest.
package wasmtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var built sync.Map // directory -> func() ([]byte, error)

// Path builds the stock-Go policy in dir (relative to the repository) and returns the module's path.
func Path(tb testing.TB, dir string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), filepath.Base(dir)+".wasm")
	if err := os.WriteFile(path, Build(tb, dir), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Build builds the stock-Go policy in dir (relative to the repository) and returns the module.
func Build(tb testing.TB, dir string) []byte {
	tb.Helper()
	once, _ := built.LoadOrStore(dir, sync.OnceValues(func() ([]byte, error) { return build(filepath.Join(Root(), dir)) }))
	wasm, err := once.(func() ([]byte, error))()
	if err != nil {
		tb.Fatalf("building %s: %v", dir, err)
	}
	return wasm
}

func build(dir string) ([]byte, error) {
	out, err := os.MkdirTemp("", "stowage-guest-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(out) }()
	path := filepath.Join(out, "policy.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-w", "-o", path, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Root is the repository's top folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
}
