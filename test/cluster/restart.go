// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "context"

// RestartAPIServer kills kube-apiserver, calls down, if it is not nil, while there is none, and starts it again
// on the same port and the same etcd, as an upgrade of a control plane with one member does. Clients that lost it find
// it where it was. Only one call at a time.
func (c *Cluster) RestartAPIServer(ctx context.Context, down func()) error {
	c.progress("restarting kube-apiserver")
	c.apiServer.process.Kill()
	if down != nil {
		down()
	}
	port := c.apiServer.port
	p, err := c.start("kube-apiserver", c.binary("kube-apiserver"), c.apiServerArgs(port)...)
	if err != nil {
		return err
	}
	c.apiServer.process = p
	return c.waitReady(ctx, p, c.probeAPIServer)
}
