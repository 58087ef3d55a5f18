// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cache keeps on disk what makes the next load faster, which is compiled code and metered
// modules, and what the next start may need when a source does not answer: modules that worked, and
// a record for each policy of the one it had.
//
// Nothing here is needed: a disk that is full, read-only or not there makes loads slower and is told
// to Options.Trouble. Everything that is read is checked, and what is damaged is removed. Compiled
// code is run as it is found, so checksums are not enough: the directory has to be the user's who
// runs the scheduler, and nobody else's.
//
// A Cache has nothing to close and its methods may be called concurrently, also by other processes
// that share the directory: files appear by being renamed, under names that say what is in them. What
// a process leaves behind that is killed is a file in the directory for temporary ones, which a later
// one removes.
//
//	<dir>/stowage-v1/            0700; everything is in here
//	    entries/<key>-<name>     compiled code and metered modules, with a seal (seal.go)
//	    modules/<sha256>         modules, named by their content
//	    records/<policy>.json    what each policy had that worked last
//	    tmp/                     files that are being written, directories for the compiler
package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// DefaultLimit is Options.Limit where it is not set, in bytes: some thirty stock-Go modules with
// their compiled code.
const DefaultLimit = 512 << 20

var (
	// ErrMissing is what is not in the cache, or was damaged.
	ErrMissing = errors.New("not in the cache")
	// ErrUnsafe is a directory that others may write to. What is in there is not used.
	ErrUnsafe = errors.New("the cache's directory is not private")
)

// Options of a Cache.
type Options struct {
	// Limit is how many bytes entries and modules may take; those that were not used for longest are
	// removed. Modules that records refer to stay, even above the limit. Defaults to DefaultLimit.
	Limit int64
	// Trouble, if not nil, learns why the cache does not help: once for each kind of failure until
	// that has worked again, and for each damaged file. It may be called from any goroutine.
	Trouble func(error)
}

// Cache is a directory. Nil is a cache that has nothing and keeps nothing.
type Cache struct {
	root string
	opts Options

	// making guards swept, and that one goroutine at a time makes the directories.
	making sync.Mutex
	swept  bool
	// removing has one goroutine at a time look for what to evict.
	removing sync.Mutex

	mu      sync.Mutex // guards failing
	failing map[operation]bool
}

// New is a cache in the directory, which is made when it is first needed.
func New(dir string, opts Options) *Cache {
	if opts.Limit == 0 {
		opts.Limit = DefaultLimit
	}
	return &Cache{root: filepath.Join(dir, "stowage-v1"), opts: opts, failing: map[operation]bool{}}
}

// operation is a kind of failure.
type operation string

const (
	preparing operation = "preparing the cache"
	staging   operation = "making room for the compiler in the cache"
	loading   operation = "loading from the cache"
	storing   operation = "storing in the cache"
	evicting  operation = "removing old entries of the cache"
)

// done reports the failure of an operation, if it did not fail before, and whether it worked.
func (c *Cache) done(op operation, err error) (ok bool) {
	c.mu.Lock()
	known := c.failing[op]
	c.failing[op] = err != nil
	c.mu.Unlock()
	if err != nil && !known {
		c.tell(fmt.Errorf("%s: %w; modules load more slowly until that works", op, err))
	}
	return err == nil
}

// ready prepares the cache where nobody is told otherwise why that fails.
func (c *Cache) ready() bool { return c.done(preparing, c.prepare()) }

func (c *Cache) tell(err error) {
	if c.opts.Trouble != nil {
		c.opts.Trouble(err)
	}
}

// discard removes a file that is not what it should be. Where that fails it is found damaged again.
func (c *Cache) discard(path string, why error) {
	c.tell(fmt.Errorf("removing %s from the cache: %w", path, why))
	_ = os.Remove(path)
}

// The directories.
func (c *Cache) entries() string   { return filepath.Join(c.root, "entries") }
func (c *Cache) modules() string   { return filepath.Join(c.root, "modules") }
func (c *Cache) records() string   { return filepath.Join(c.root, "records") }
func (c *Cache) temporary() string { return filepath.Join(c.root, "tmp") }
