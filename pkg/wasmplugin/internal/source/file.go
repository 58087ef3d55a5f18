// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	// settle is how old a file must be to be sure that the next write to it changes its time: longer than the
	// clock of any file system that is in use on local disks takes to tick.
	settle = 20 * time.Millisecond
	// settleTries is how often a file that changes while it is read is read again.
	settleTries = 50
	// debounce is how long it must be quiet after an event; debounceMost is when that is no longer waited for.
	debounce     = 100 * time.Millisecond
	debounceMost = time.Second
	// filePoll is how often a file is looked at without an event: OCI image volumes and network file systems
	// send none.
	filePoll = 30 * time.Second
)

// File reads a module of at most limit bytes from a path.
func File(path string, limit int64) (wasm []byte, err error) {
	wasm, err = readRegular(path, limit)
	if errors.Is(err, ErrTooLarge) {
		return nil, fmt.Errorf("reading module %q: %w (limits.moduleSize)", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading module: %w", err)
	}
	return wasm, nil
}

// NewFile returns the source of a file. It may be a symbolic link, or lead through some, as in a volume that
// Kubernetes made of a ConfigMap; what they lead to is followed.
//
// A file should be replaced by renaming another one over it. One that is written in place is read again until it
// stays the same, so that no mixture of two versions is returned; but who pauses while writing looks as if all was
// written.
func NewFile(path string, o Options) Source {
	return &file{path: path, options: o, poll: filePoll, settle: settle}
}

// file is a Source.
type file struct {
	path    string
	options Options
	// poll and settle are the constants, except in tests.
	poll, settle time.Duration
}

// String implements Source.
func (f *file) String() string { return "file " + f.path }

// Fetch implements Source.
func (f *file) Fetch(ctx context.Context, known string) (*Blob, error) {
	stored, bundle, err := f.readSettled(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f, err)
	}
	blob, err := newBlob(known, stored, bundle, f.options.Limit)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f, err)
	}
	return blob, nil
}

// readSettled reads until the files were the same before and after.
func (f *file) readSettled(ctx context.Context) (stored, bundle []byte, err error) {
	for range settleTries {
		before := f.state()
		stored, bundle, err := f.read()
		if before.older(f.settle) && before.equal(f.state()) {
			return stored, bundle, err
		}
		if !pause(ctx, settle) {
			return nil, nil, context.Cause(ctx)
		}
	}
	return nil, nil, errors.New("it is being written all the time: write another file and rename it")
}

func (f *file) read() (stored, bundle []byte, err error) {
	stored, err = readRegular(f.path, f.options.Limit)
	if err != nil || !f.options.Signatures {
		return stored, nil, err
	}
	bundle, err = readRegular(f.path+SignatureSuffix, MaxSignatureBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return stored, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading signatures: %w", err)
	}
	return stored, bundle, nil
}

// readRegular reads a regular file. To open a pipe would block until somebody writes, so it does not wait for that.
func readRegular(path string, limit int64) (data []byte, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: must be a regular file, is %s", ErrInvalid, info.Mode().Type())
	case info.Size() > limit:
		return nil, tooLarge(limit)
	}
	return readCapped(f, limit)
}

// fileState is what the file system says of a file and its signatures; nil infos are of what is not there.
type fileState struct{ content, bundle fs.FileInfo }

func (f *file) state() *fileState {
	s := &fileState{}
	s.content, _ = os.Stat(f.path)
	if f.options.Signatures {
		s.bundle, _ = os.Stat(f.path + SignatureSuffix)
	}
	return s
}

// older tells whether the last write is at least so long ago. A time in the future is that of another clock, of
// which nothing can be said.
func (s *fileState) older(least time.Duration) bool {
	for _, info := range []fs.FileInfo{s.content, s.bundle} {
		if info == nil {
			continue
		}
		if age := time.Since(info.ModTime()); age >= 0 && age < least {
			return false
		}
	}
	return true
}

func (s *fileState) equal(t *fileState) bool {
	return same(s.content, t.content) && same(s.bundle, t.bundle)
}

func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}
