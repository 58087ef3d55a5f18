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

// MaxModule is the most bytes a module may have: ten times a large stock-Go policy.
const MaxModule = 32 << 20

// ErrTooLarge is a module over MaxModule.
var ErrTooLarge = errors.New("module is too large")

// File reads a module from a path.
func File(path string) (wasm []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading module: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	wasm, err = io.ReadAll(io.LimitReader(f, MaxModule+1))
	if err != nil {
		return nil, fmt.Errorf("reading module: %w", err)
	}
	if len(wasm) > MaxModule {
		return nil, fmt.Errorf("reading module %q: %w: the limit is %d bytes", path, ErrTooLarge, MaxModule)
	}
	return wasm, nil
}
