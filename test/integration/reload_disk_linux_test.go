// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// A cache directory on a disk that is full, or that cannot be written to, makes loads slower and keeps nothing for
// the next start; it costs no policy, and the log says so.
func TestCacheOnBadDisks(t *testing.T) {
	full, readOnly := mountSmall(t, 64<<10, false), mountSmall(t, 8<<20, true)
	c := cluster.ForTest(t)
	createNodes(t, c, twoNodes()...)
	for name, cache := range map[string]string{"full": full, "read-only": readOnly} {
		t.Run(name, func(t *testing.T) {
			file := newFileOrigin(t)
			file.put(t, zoneModule(t, 'a', 0), nil)
			s := startSourced(t, c, filepath.Join(cache, "policies"), sourced{name: "zoned", module: file.module()})
			wantNode(t, c, name+"-loaded", "node-0")
			file.put(t, zoneModule(t, 'a', 1), nil)
			untilPolicy(t, s, "zoned", "the new module", runs(zoneModule(t, 'a', 1)))
			wantNode(t, c, name+"-reloaded", "node-1")
			s.Stop()
			if log := s.Log(); !strings.Contains(log, "What works cannot be remembered for the next start") {
				t.Errorf("the log does not tell that nothing is kept:\n%s", lines(log, "cache"))
			}
		})
	}
}

// mountSmall is a file system in memory, which not every user may mount.
func mountSmall(t *testing.T, size int, readOnly bool) string {
	t.Helper()
	dir := t.TempDir()
	flags := uintptr(0)
	if readOnly {
		flags = syscall.MS_RDONLY
	}
	if err := syscall.Mount("stowage", dir, "tmpfs", flags, fmt.Sprintf("mode=700,size=%d", size)); err != nil {
		t.Skipf("mounting a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(os.NewSyscallError("unmounting", err))
		}
	})
	return dir
}
