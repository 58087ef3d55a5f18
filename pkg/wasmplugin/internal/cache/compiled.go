// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Stage makes an empty directory for a compiler to find and leave its files in. It is the caller's,
// who removes it.
func (c *Cache) Stage() (dir string, ok bool) {
	if c == nil || !c.ready() {
		return "", false
	}
	dir, err := os.MkdirTemp(c.temporary(), "stage-")
	return dir, c.done(staging, err)
}

// Load puts the files that were stored under the key into the directory, under their names. There may
// be several, as what a compiler makes depends on the machine and so does the name that it looks for.
func (c *Cache) Load(key Key, dir string) {
	if c == nil || !c.ready() {
		return
	}
	list, err := os.ReadDir(c.entries())
	for _, e := range list {
		if name, ok := strings.CutPrefix(e.Name(), fmt.Sprintf("%x-", key)); ok {
			err = errors.Join(err, c.place(key, name, filepath.Join(dir, name)))
		}
	}
	c.done(loading, err)
}

// place copies an entry rather than linking it: what is checked is what gets used, whatever happens
// to the entry meanwhile.
func (c *Cache) place(key Key, name, path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copying an entry: %w", err)
	}
	err = c.get(key, name, f)
	err = errors.Join(err, f.Close())
	if err == nil {
		return nil
	}
	// Half of a file must not be found. Where even that fails, the compiler must not look.
	if gone := os.Remove(path); gone != nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	if errors.Is(err, ErrMissing) {
		return nil
	}
	return err
}

// Store takes a file over, which must be in a directory that Stage made.
func (c *Cache) Store(key Key, path string) {
	if c != nil && c.ready() && c.done(storing, c.take(key, path)) {
		c.evict()
	}
}

// Report is told when the compiler could not use the directory that Stage made.
func (c *Cache) Report(err error) {
	if c != nil {
		c.done(storing, err)
	}
}

func (c *Cache) take(key Key, path string) error {
	name := filepath.Base(path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("taking a file over: %w", err)
	}
	if err := errors.Join(c.fits(f), sealFile(f, key, name), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path, c.entry(key, name)); err != nil {
		return fmt.Errorf("taking a file over: %w", err)
	}
	return nil
}

// fits refuses a file that would be all that the cache could hold.
func (c *Cache) fits(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("taking a file over: %w", err)
	}
	if info.Size()+sealSize > c.opts.Limit || len(filepath.Base(f.Name())) > maxName {
		return fmt.Errorf("%s has %d bytes; the cache's limit is %d", filepath.Base(f.Name()), info.Size(), c.opts.Limit)
	}
	return nil
}

func (c *Cache) entry(key Key, name string) string {
	return filepath.Join(c.entries(), fmt.Sprintf("%x-%s", key, name))
}

// get copies an entry's content; ErrMissing is one that there is not, or not any more.
func (c *Cache) get(key Key, name string, to io.Writer) error {
	path := c.entry(key, name)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return ErrMissing
	}
	if err != nil {
		return fmt.Errorf("opening an entry: %w", err)
	}
	defer func() { _ = f.Close() }()
	err = unseal(f, key, name, to)
	if errors.Is(err, errDamaged) {
		c.discard(path, err)
		return ErrMissing
	}
	if err == nil {
		touch(path)
	}
	return err
}
