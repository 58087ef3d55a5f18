// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
)

// startEtcd runs one member without TLS, reachable from this machine only.
func (c *Cluster) startEtcd(ctx context.Context) error {
	c.progress("starting etcd")
	_, err := c.startOnPort(ctx, "etcd", c.binary("etcd"), c.etcdArgs, func(ctx context.Context, port int) error {
		c.endpoint = fmt.Sprintf("http://127.0.0.1:%d", port)
		_, err := get(ctx, http.DefaultClient, c.endpoint+"/readyz")
		return err
	})
	return err
}

func (c *Cluster) etcdArgs(port int) []string {
	client := fmt.Sprintf("http://127.0.0.1:%d", port)
	// A single member never dials its peer address, so any free port does.
	const peer = "http://127.0.0.1:0"
	return []string{
		"--name=stowage",
		"--data-dir=" + filepath.Join(c.dir, "etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=stowage=" + peer,
		// A single member is elected at once; waiting the usual second for other candidates is of no use.
		"--heartbeat-interval=20",
		"--election-timeout=100",
		"--log-level=warn",
		// The data does not outlive the process: speed over durability.
		"--unsafe-no-fsync",
	}
}
