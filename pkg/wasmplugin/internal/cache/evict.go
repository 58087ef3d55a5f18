// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// grace is for how long a module stays that no record refers to yet: whoever puts a module puts the
// record right after it, but another process may be evicting in between.
const grace = time.Minute

// file is one that may be evicted.
type file struct {
	path string
	size int64
	used time.Time
}

// evict removes what was not used for longest until the rest is within the limit. Another process
// may do the same at the same time, which then removes the same.
func (c *Cache) evict() {
	c.removing.Lock()
	defer c.removing.Unlock()
	err := c.shrink()
	if err != nil {
		err = fmt.Errorf("keeping to %d bytes: %w", c.opts.Limit, err)
	}
	c.done(evicting, err)
}

func (c *Cache) shrink() error {
	entries, size, err := files(c.entries())
	if err != nil {
		return err
	}
	modules, more, err := files(c.modules())
	if size += more; err != nil || size <= c.opts.Limit {
		return err
	}
	needed, err := c.needed()
	if err != nil {
		return err
	}
	modules = slices.DeleteFunc(modules, func(f file) bool {
		return needed["sha256:"+filepath.Base(f.path)] || time.Since(f.used) < grace
	})
	list := append(entries, modules...)
	slices.SortFunc(list, func(a, b file) int { return a.used.Compare(b.used) })
	for _, f := range list {
		if size <= c.opts.Limit {
			break
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		size -= f.size
	}
	return nil
}

// files is what is in a directory.
func files(dir string) (list []file, size int64, err error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range found {
		info, err := e.Info()
		if err != nil {
			continue // somebody else removed it
		}
		list = append(list, file{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()})
		size += info.Size()
	}
	return list, size, nil
}

// needed is the digests of modules that records refer to. A damaged record refers to nothing; one
// that cannot be read may refer to anything.
func (c *Cache) needed() (map[string]bool, error) {
	list, err := os.ReadDir(c.records())
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{}
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		r, err := read(filepath.Join(c.records(), e.Name()))
		if err != nil && !errors.Is(err, errDamaged) && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for _, digest := range r.modules() {
			needed[digest] = true
		}
	}
	return needed, nil
}
