// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cache

import (
	"io/fs"
	"os"
	"syscall"
)

// owner is whose file it is, and whether that is who runs this process.
func owner(info fs.FileInfo) (uid int, mine bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(stat.Uid), int(stat.Uid) == os.Geteuid()
}

// private tells whether only the owner can look into or write to the directory.
func private(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }
