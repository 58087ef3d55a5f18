// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Module builds the policy's module into dir and returns its path.
func Module(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "zone-resource.wasm")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-ldflags=-w", "-o", path, ".")
	cmd.Dir = filepath.Join(Root(), "test", "guests", "zone-resource")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the policy: %w\n%s", err, out)
	}
	return path, nil
}

// Root is the repository's top folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}
