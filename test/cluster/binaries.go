// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// BinEnv names the environment variable that overrides where the binaries are.
const BinEnv = "STOWAGE_BIN"

const modulePath = "github.com/stowage-scheduler/stowage"

// SourceRoot returns the root of the source tree that holds the working directory. Nested modules
// (SDKs, tools) are passed over.
func SourceRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the source tree: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if line, _, _ := strings.Cut(string(mod), "\n"); err == nil && line == "module "+modulePath {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of %s in %s or above: run inside the source tree or set %s", modulePath, start, BinEnv)
		}
	}
}

func findBinaries(dir string) (string, error) {
	if dir == "" {
		dir = os.Getenv(BinEnv)
	}
	if dir == "" {
		root, err := SourceRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "build", "bin")
	}
	for _, name := range []string{"etcd", "kube-apiserver", "kwok"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("finding %s: %w (run `make components`, or set %s)", name, err, BinEnv)
		}
	}
	return filepath.Abs(dir)
}

// binary is the path of one of the cluster's own binaries.
func (c *Cluster) binary(name string) string { return filepath.Join(c.opts.BinDir, name) }
