// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package cluster

import "syscall"

// childAttributes puts a child in its own process group, so that Ctrl-C reaches only this program.
// There is no parent-death signal here: the watchdog alone ends the child when this program dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
