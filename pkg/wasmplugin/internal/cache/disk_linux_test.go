// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/cache"
)

func init() { child["full"], child["read-only"] = fullDisk, readOnlyDisk }

// errNoMount is a machine on which this test cannot make a disk.
var errNoMount = errors.New("cannot mount")

// Each runs in a process with mounts of its own, which end with it.
func TestDisks(t *testing.T) {
	for _, name := range []string{"full", "read-only"} {
		t.Run(name, func(t *testing.T) {
			cmd := process(t, name, t.TempDir())
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
			out, err := cmd.CombinedOutput()
			if errors.Is(err, syscall.EPERM) || strings.Contains(string(out), errNoMount.Error()) {
				t.Skipf("%v: %s", err, out)
			}
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func mount(dir string, flags uintptr) error {
	if err := syscall.Mount("none", dir, "tmpfs", flags, "size=2m,mode=0700"); err != nil {
		return fmt.Errorf("%w: %w", errNoMount, err)
	}
	return nil
}

// fullDisk fills the disk, in several ways, and loads policies.
func fullDisk(dir string) error {
	if err := mount(dir, 0); err != nil {
		return err
	}
	told := 0
	c := cache.New(dir, cache.Options{Trouble: func(err error) {
		told++
		fmt.Println("told:", err)
	}})
	if _, err := verdict(context.Background(), c, 1); err != nil || told != 0 {
		return fmt.Errorf("while there is room: %w, %d told", err, told)
	}
	// There is room for nothing, for directories, or for some of the code.
	for _, room := range []int{0, 4096, 8192, 12288, 16384} {
		if err := fill(filepath.Join(dir, "ballast"), room); err != nil {
			return err
		}
		for want := range uint32(3) {
			if got, err := verdict(context.Background(), c, want+1); err != nil || got != want+1 {
				return fmt.Errorf("policy %d on a disk with %d bytes answered %d, %w", want+1, room, got, err)
			}
		}
	}
	big := []byte(strings.Repeat("x", 1<<20))
	if err := c.PutModule(digest(string(big)), big); !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("putting a module on a full disk: %w", err)
	}
	if told == 0 || told > 5 {
		return fmt.Errorf("told %d times", told)
	}
	return nil
}

// fill writes to a file until nothing more fits.
func fill(path string, room int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for b := make([]byte, 4096); err == nil; {
		_, err = f.Write(b)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(info.Size()-int64(room)), f.Close())
}

// readOnlyDisk has what is there read, and loads policies without writing.
func readOnlyDisk(dir string) error {
	if err := mount(dir, 0); err != nil {
		return err
	}
	if err := errors.Join(cache.New(dir, cache.Options{}).PutModule(digest("m"), []byte("m")),
		cache.New(dir, cache.Options{}).PutRecord(record("p", "q", "m")), mountReadOnly(dir)); err != nil {
		return err
	}
	var told []error
	c := cache.New(dir, cache.Options{Trouble: func(err error) { told = append(told, err) }})
	for want := range uint32(3) {
		if got, err := verdict(context.Background(), c, want+1); err != nil || got != want+1 {
			return fmt.Errorf("policy %d on a read-only disk answered %d, %w", want+1, got, err)
		}
	}
	r, err := c.Record("p", "q")
	if err != nil {
		return err
	}
	if b, err := c.Module(r.Digest); err != nil || string(b) != "m" {
		return fmt.Errorf("module of the record is %q, %w", b, err)
	}
	if len(told) != 1 || !errors.Is(told[0], syscall.EROFS) {
		return fmt.Errorf("told %v", told)
	}
	return nil
}

func mountReadOnly(dir string) error { return mount(dir, syscall.MS_REMOUNT|syscall.MS_RDONLY) }
