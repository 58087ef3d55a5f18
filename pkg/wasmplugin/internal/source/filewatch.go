// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watch implements Source. It does not trust events to say what happened, only to look: what counts is whether the
// file is another than before.
func (f *file) Watch(ctx context.Context, changed func()) {
	w := newFileWatcher(f)
	defer w.close()
	w.follow()
	last := f.state()
	changed()
	for w.wait(ctx, f.poll) {
		w.follow()
		if now := f.state(); !now.equal(last) {
			last = now
			changed()
		}
	}
}

// fileWatcher says when to look at a file.
type fileWatcher struct {
	file *file
	// notify is nil if there can be no events; then its channels are too, which never deliver.
	notify *fsnotify.Watcher
	events chan fsnotify.Event
	// lost says that events were lost.
	lost <-chan error
	// reported is whether the file was said to be polled.
	reported bool
}

func newFileWatcher(f *file) *fileWatcher {
	w := &fileWatcher{file: f}
	w.open()
	return w
}

// open asks for events. There are few watchers on a machine, so that there may be none now and one later.
func (w *fileWatcher) open() {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.report(err)
		return
	}
	w.notify, w.events, w.lost = notify, notify.Events, notify.Errors
}

func (w *fileWatcher) close() {
	if w.notify != nil {
		_ = w.notify.Close() // nobody is left to tell
	}
}

// wait returns when there was an event and then none for a while, or it is time to look anyway; false if ctx is done.
func (w *fileWatcher) wait(ctx context.Context, poll time.Duration) bool {
	most := time.NewTimer(poll)
	defer most.Stop()
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-most.C:
			return true
		case <-quiet:
			return true
		case <-w.events:
		case <-w.lost: //nolint:errcheck // which events were lost does not matter: it is time to look
		}
		if quiet == nil {
			most.Reset(debounceMost)
		}
		quiet = time.After(debounce)
	}
}

// follow watches the directories that matter now: links may lead elsewhere than before.
func (w *fileWatcher) follow() {
	if w.notify == nil {
		w.open()
	}
	if w.notify == nil {
		return
	}
	wanted, watched := w.file.directories(), w.notify.WatchList()
	for _, dir := range watched {
		if !slices.Contains(wanted, dir) {
			_ = w.notify.Remove(dir) // it may be gone
		}
	}
	var errs []error
	for _, dir := range wanted {
		if !slices.Contains(watched, dir) {
			errs = append(errs, w.notify.Add(dir))
		}
	}
	if err := errors.Join(errs...); err != nil {
		w.report(err)
		return
	}
	w.reported = false
}

func (w *fileWatcher) report(err error) {
	if w.file.options.Report != nil && !w.reported {
		w.file.options.Report(fmt.Errorf("watching %s: %w: looking at it every %v instead", w.file, err, w.file.poll))
	}
	w.reported = true
}

func (f *file) directories() []string {
	dirs := directories(f.path)
	if f.options.Signatures {
		dirs = append(dirs, directories(f.path+SignatureSuffix)...)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// maxLinks is how many links are followed, as in the kernel.
const maxLinks = 40

// directories returns the directories in which an entry decides what a path leads to: those with a symbolic link
// on the way, and that of the file, or of the first part of the path that is missing.
func directories(path string) []string {
	at, todo := start(path)
	var dirs []string
	for links := 0; len(todo) > 0 && links <= maxLinks; {
		name := todo[0]
		todo = todo[1:]
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		info, err := os.Lstat(filepath.Join(at, name))
		link := err == nil && info.Mode().Type() == os.ModeSymlink
		if err != nil || link || len(todo) == 0 {
			dirs = append(dirs, at)
		}
		if err != nil {
			return dirs
		}
		if !link {
			at = filepath.Join(at, name)
			continue
		}
		links++
		target, err := os.Readlink(filepath.Join(at, name))
		if err != nil {
			return dirs
		}
		if filepath.IsAbs(target) {
			at, _ = start(string(filepath.Separator))
		}
		todo = append(parts(target), todo...)
	}
	return dirs
}

// start splits a path into its root and the parts below.
func start(path string) (root string, below []string) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return ".", parts(path)
	}
	root = filepath.VolumeName(abs) + string(filepath.Separator)
	return root, parts(strings.TrimPrefix(abs, root))
}

func parts(path string) []string {
	return slices.DeleteFunc(strings.Split(path, string(filepath.Separator)), func(s string) bool { return s == "" || s == "." })
}
