// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/stowage-scheduler/stowage/test/perf/world"
)

// Module builds the policy's module into dir and returns its path.
func Module(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "queue.wasm")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-ldflags=-w", "-o", path, ".")
	cmd.Dir = filepath.Join(world.Root(), "test", "perf", "queue", "guest")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the policy: %w\n%s", err, out)
	}
	return path, nil
}
