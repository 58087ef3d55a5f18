// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// PutModule keeps a module, which has to have the digest: sha256:<hex>. When it returns the module is
// on the disk. A record that refers to it has to be put within grace, or the module may be evicted.
func (c *Cache) PutModule(digest string, module []byte) error {
	path, err := c.module(digest)
	if err != nil {
		return err
	}
	if found := digestOf(module); found != digest {
		return fmt.Errorf("keeping module %s: its digest is %s", digest, found)
	}
	if err := c.prepare(); err != nil {
		return fmt.Errorf("keeping module %s: %w", digest, err)
	}
	if _, err := c.Module(digest); err == nil {
		return nil
	}
	err = c.write(path, true, func(w io.Writer) error {
		_, err := w.Write(module)
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping module %s: %w", digest, err)
	}
	c.evict()
	return nil
}

// Module is the module with the digest, or ErrMissing.
func (c *Cache) Module(digest string) ([]byte, error) {
	path, err := c.module(digest)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		return nil, fmt.Errorf("%w: module %s: %w", ErrMissing, digest, err)
	}
	module, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: module %s", ErrMissing, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: module %s: %w", ErrMissing, digest, err)
	}
	if digestOf(module) != digest {
		c.discard(path, errDamaged)
		return nil, fmt.Errorf("%w: module %s: %w", ErrMissing, digest, errDamaged)
	}
	touch(path)
	return module, nil
}

// module is a module's path. Digests come from outside: only what has their form becomes a path.
func (c *Cache) module(digest string) (string, error) {
	sum, ok := strings.CutPrefix(digest, "sha256:")
	if b, err := hex.DecodeString(sum); !ok || err != nil || len(b) != sha256.Size || sum != strings.ToLower(sum) {
		return "", fmt.Errorf("%q is not a module's digest: it has to be sha256: and 64 hexadecimal digits", digest)
	}
	if c == nil {
		return "", fmt.Errorf("%w: there is no cache directory", ErrMissing)
	}
	return filepath.Join(c.modules(), sum), nil
}

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }
