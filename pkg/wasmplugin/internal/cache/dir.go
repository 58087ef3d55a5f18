// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// leftover is how old a temporary file must be to be nobody's: many times what a compilation takes.
const leftover = time.Hour

// prepare makes the directories. It does so before each operation, because a volume may come and
// go: there is no point at which the cache is given up.
func (c *Cache) prepare() error {
	if c == nil {
		return errors.New("there is no cache directory")
	}
	c.making.Lock()
	defer c.making.Unlock()
	if err := os.MkdirAll(c.root, 0o700); err != nil {
		return fmt.Errorf("making the cache's directory: %w", err)
	}
	if err := c.own(); err != nil {
		return err
	}
	for _, dir := range []string{c.entries(), c.modules(), c.records(), c.temporary()} {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making the cache's directory: %w", err)
		}
	}
	c.sweep()
	return nil
}

// own sees to it that the directory is the user's alone. One that is the user's, but was opened to
// others, as Kubernetes does to volumes when it mounts them with an fsGroup, is emptied: whoever
// could write there could have left code to be run.
func (c *Cache) own() error {
	info, err := os.Lstat(c.root)
	if err != nil {
		return fmt.Errorf("looking at the cache's directory: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is not a directory; remove it", ErrUnsafe, c.root)
	}
	if uid, mine := owner(info); !mine {
		return fmt.Errorf("%w: %s belongs to user %d, not to %d, who runs this; give each user a directory", ErrUnsafe, c.root, uid, os.Geteuid())
	}
	if private(info) {
		return nil
	}
	c.tell(fmt.Errorf("%w: %s had mode %v, so that others could write there; it is emptied", ErrUnsafe, c.root, info.Mode()))
	return c.reset()
}

// reset begins anew.
func (c *Cache) reset() error {
	if err := os.Chmod(c.root, 0o700); err != nil {
		return fmt.Errorf("closing the cache's directory to others: %w", err)
	}
	for _, dir := range []string{c.entries(), c.modules(), c.records(), c.temporary()} {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("emptying the cache's directory: %w", err)
		}
	}
	return nil
}

// sweep removes what processes left that were killed, once. What is recent may be in use.
func (c *Cache) sweep() {
	if c.swept {
		return
	}
	c.swept = true
	list, _ := os.ReadDir(c.temporary())
	for _, e := range list {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > leftover {
			_ = os.RemoveAll(filepath.Join(c.temporary(), e.Name()))
		}
	}
}

// write makes a temporary file of what fill writes, and gives it its name when it is complete. With
// durable it is on the disk by then: without, a file that a crash of the machine left damaged is
// found to be so.
func (c *Cache) write(path string, durable bool, fill func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(c.temporary(), "file-")
	if err != nil {
		return fmt.Errorf("making a temporary file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = fill(f)
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing a temporary file: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("naming a file: %w", err)
	}
	return nil
}

// touch notes that a file was used. On a disk that cannot be written to nothing is evicted either.
func touch(path string) {
	now := time.Now()
	_ = os.Chtimes(path, now, now)
}
