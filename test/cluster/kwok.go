// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// stages says what kwok does in the place of kubelets.
//
//go:embed stages.yaml
var stages []byte

// startKwok runs kwok for all nodes: they become Ready, bound pods Running, deleted pods disappear.
func (c *Cluster) startKwok(ctx context.Context) error {
	c.progress("starting kwok")
	config := filepath.Join(c.dir, "kwok.yaml")
	if err := os.WriteFile(config, stages, 0o600); err != nil {
		return fmt.Errorf("writing kwok's stages: %w", err)
	}
	args := func(port int) []string {
		return []string{
			"--kubeconfig=" + c.Kubeconfig(),
			"--config=" + config,
			"--manage-all-nodes=true",
			// Pods get addresses from here; wide enough for every pod that a test could want.
			"--cidr=10.64.0.0/10",
			fmt.Sprintf("--server-address=127.0.0.1:%d", port),
		}
	}
	_, err := c.startOnPort(ctx, "kwok", c.binary("kwok"), args, func(ctx context.Context, port int) error {
		_, err := get(ctx, http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/readyz", port))
		return err
	})
	return err
}
