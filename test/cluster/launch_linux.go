// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "syscall"

// childAttributes puts a child in its own process group, so that Ctrl-C reaches only this program, and asks
// the kernel to kill it with us. The watchdog does the same for what the child started.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
