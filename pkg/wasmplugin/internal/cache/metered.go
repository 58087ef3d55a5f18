// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// metered is the name of entries that are metered modules.
const metered = "metered"

// Metered is the metered form of the module with the digest: one that was made before or, if there is
// none, what inject makes. Version has to tell everything else that it depends on: that of package
// meter, and the limits that inject checks. The module itself must have been verified in any case.
func (c *Cache) Metered(digest, version string, inject func() ([]byte, error)) ([]byte, error) {
	if c == nil || !c.ready() {
		return inject()
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s %q %q", metered, digest, version))
	if module, ok := c.lookUp(key); ok {
		return module, nil
	}
	module, err := inject()
	if err == nil && c.done(storing, c.put(key, metered, module)) {
		c.evict()
	}
	return module, err
}

func (c *Cache) lookUp(key Key) ([]byte, bool) {
	var module bytes.Buffer
	err := c.get(key, metered, &module)
	if errors.Is(err, ErrMissing) {
		return nil, false
	}
	return module.Bytes(), c.done(loading, err)
}

// put stores an entry.
func (c *Cache) put(key Key, name string, content []byte) error {
	if size := int64(len(content)) + sealSize; size > c.opts.Limit {
		return fmt.Errorf("%s has %d bytes; the cache's limit is %d", name, size, c.opts.Limit)
	}
	return c.write(c.entry(key, name), false, func(w io.Writer) error {
		sum := sha256.New()
		if _, err := io.MultiWriter(w, sum).Write(content); err != nil {
			return err
		}
		_, err := w.Write(newLabel(key, name, int64(len(content))).seal(sum))
		return err
	})
}
