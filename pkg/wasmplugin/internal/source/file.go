// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package source turns a reference to a module into its bytes, under a size cap.
package source

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrTooLarge is a module over the limit.
var ErrTooLarge = errors.New("module is too large")

// File reads a module of at most limit bytes from a path.
func File(path string, limit int64) (wasm []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading module: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	wasm, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading module: %w", err)
	}
	if int64(len(wasm)) > limit {
		return nil, fmt.Errorf("reading module %q: %w: the limit is %d bytes (limits.moduleSize)", path, ErrTooLarge, limit)
	}
	return wasm, nil
}
