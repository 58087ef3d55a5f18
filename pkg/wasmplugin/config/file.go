// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// readable says why a module cannot be read from the named file. It opens only regular files: opening a pipe
// would block the start of the process.
func readable(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return explain(err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("must be a regular file, is %s", info.Mode().Type())
	}
	if info.Size() == 0 {
		return errors.New("is empty: put a WebAssembly module there")
	}
	f, err := os.Open(name)
	if err != nil {
		return explain(err)
	}
	return f.Close()
}

// explain drops the operation and the path, which the message that it becomes part of already has.
func explain(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("does not exist")
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("cannot be read: %w", pathErr.Err)
	}
	return fmt.Errorf("cannot be read: %w", err)
}
