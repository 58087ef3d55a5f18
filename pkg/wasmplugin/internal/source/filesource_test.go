// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace renames a new file over another one.
func replace(t testing.TB, path, content string) {
	t.Helper()
	write(t, path+".new", content)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func TestFetchFile(t *testing.T) {
	gz := string(gzipped(t, "\x00asm"))
	tests := map[string]struct {
		stored, bundle string
		options        source.Options
		want           *source.Blob
	}{
		"raw":                      {"\x00asm", "", options, signed("\x00asm", "\x00asm", "")},
		"compressed":               {gz, "", options, signed(gz, "\x00asm", "")},
		"signed":                   {"\x00asm", `{"a": 1}`, options, signed("\x00asm", "\x00asm", `{"a": 1}`, `{"a": 1}`)},
		"signed, not of interest":  {"\x00asm", `{"a": 1}`, source.Options{Limit: limit}, signed("\x00asm", "\x00asm", "")},
		"signed twice, by lines":   {"a", "{\"a\": 1}\n{\"b\":2}\n", options, signed("a", "a", "{\"a\": 1}\n{\"b\":2}\n", `{"a": 1}`, `{"b":2}`)},
		"signed twice, in a list":  {"a", ` [{"a": 1},"b"]`, options, signed("a", "a", ` [{"a": 1},"b"]`, `{"a": 1}`, `"b"`)},
		"signed, not JSON":         {"a", "MEUCIQ==\n", options, signed("a", "a", "MEUCIQ==\n", "MEUCIQ==")},
		"signed, half JSON":        {"a", `{"a":1}{`, options, signed("a", "a", `{"a":1}{`, `{"a":1}{`)},
		"an empty list is nothing": {"a", "[]", options, signed("a", "a", "[]")},
		"an empty file is nothing": {"a", "\n", options, signed("a", "a", "\n")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "policy.wasm")
			write(t, path, tc.stored)
			if tc.bundle != "" {
				write(t, path+".sigstore.json", tc.bundle)
			}
			s := source.NewFile(path, tc.options)
			got := mustFetch(t, s, "")
			checkBlob(t, tc.want, got)
			wantUnchanged(t, s, got.Version)
			replace(t, path, "\x00asm2")
			if diff := cmp.Diff("\x00asm2", string(mustFetch(t, s, got.Version).Content)); diff != "" {
				t.Errorf("new content (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestFetchFileProblems(t *testing.T) {
	tests := map[string]struct {
		make func(t *testing.T, path string)
		is   error
		want string
	}{
		"missing": {func(*testing.T, string) {}, fs.ErrNotExist, "reading file PATH: open PATH: no such file or directory"},
		"empty": {func(t *testing.T, path string) { write(t, path, "") }, source.ErrInvalid,
			"reading file PATH: content is not valid: it is empty"},
		"directory": {func(t *testing.T, path string) { mkdir(t, path) }, source.ErrInvalid,
			"reading file PATH: content is not valid: must be a regular file, is d---------"},
		"pipe": {func(t *testing.T, path string) { mkfifo(t, path) }, source.ErrInvalid,
			"reading file PATH: content is not valid: must be a regular file, is p---------"},
		"link to itself": {func(t *testing.T, path string) { link(t, path, path) }, syscall.ELOOP,
			"reading file PATH: open PATH: too many levels of symbolic links"},
		"too large": {func(t *testing.T, path string) { write(t, path, "0123456789abcdefg") }, source.ErrTooLarge,
			"reading file PATH: content is too large: the limit is 16 bytes"},
		"too large decompressed": {func(t *testing.T, path string) { write(t, path, string(zstded(t, strings.Repeat("0", 17)))) }, source.ErrTooLarge,
			"reading file PATH: decompressing: content is too large: the limit is 16 bytes"},
		"signatures too large": {func(t *testing.T, path string) {
			write(t, path, "wasm")
			write(t, path+".sigstore.json", strings.Repeat(" ", source.MaxSignatureBytes+1))
		}, source.ErrTooLarge, "reading file PATH: reading signatures: content is too large: the limit is 1048576 bytes"},
		"too many signatures": {func(t *testing.T, path string) {
			write(t, path, "wasm")
			write(t, path+".sigstore.json", strings.Repeat("{}", source.MaxSignatures+1))
		}, source.ErrInvalid, "reading file PATH: content is not valid: it has more than 32 signatures"},
		"signatures in a pipe": {func(t *testing.T, path string) { write(t, path, "wasm"); mkfifo(t, path+".sigstore.json") }, source.ErrInvalid,
			"reading file PATH: reading signatures: content is not valid: must be a regular file, is p---------"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "policy.wasm")
			tc.make(t, path)
			blob, err := source.NewFile(path, source.Options{Limit: 16, Signatures: true}).Fetch(t.Context(), "")
			if !errors.Is(err, tc.is) {
				t.Fatalf("Fetch() = %v, %v, want %v", blob, err, tc.is)
			}
			if diff := cmp.Diff(tc.want, strings.ReplaceAll(err.Error(), path, "PATH")); diff != "" {
				t.Errorf("error (-want,+got):\n%s", diff)
			}
		})
	}
}

func mkdir(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func mkfifo(t testing.TB, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A writer truncates the file and writes it in pieces, five times. A reader in between gets no half of it.
func TestFetchFileIsNotTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.wasm")
	content := func(n int) string { return strings.Repeat(strconv.Itoa(n), 200_000) }
	write(t, path, content(0))
	s := source.NewFile(path, options)
	source.SettleAfter(s, 500*time.Millisecond) // far longer than between two pieces
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for n := 1; n <= 5; n++ {
			if err := writeInPieces(path, content(n)); err != nil {
				t.Error(err)
			}
		}
	})
	blob, err := s.Fetch(t.Context(), "")
	for err != nil && strings.Contains(err.Error(), "all the time") {
		blob, err = s.Fetch(t.Context(), "")
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := string(blob.Stored); got != content(5) {
		t.Errorf("got %d bytes that begin with %.1s, want the last version", len(got), got)
	}
}

func writeInPieces(path, content string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	for piece := range slices.Chunk([]byte(content), len(content)/10) {
		_, writeErr := f.Write(piece)
		err = errors.Join(err, writeErr)
		time.Sleep(time.Millisecond)
	}
	return errors.Join(err, f.Close())
}

func TestFetchFileThatNeverSettles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.wasm")
	write(t, path, "0")
	s := source.NewFile(path, options)
	source.SettleAfter(s, time.Hour)
	_, err := s.Fetch(t.Context(), "")
	want := "reading file " + path + ": it is being written all the time: write another file and rename it"
	if err == nil || err.Error() != want {
		t.Errorf("Fetch() = %v, want %s", err, want)
	}
	impatient, stop := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer stop()
	if _, err := s.Fetch(impatient, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fetch() = %v, want the end of its context", err)
	}
}

// Each change is made after the one before was seen, by events alone: the poll would come after the test has failed.
func TestWatchFile(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, dir string)
		change  func(t *testing.T, dir string, n int, content string)
	}{
		"renamed over": {
			change: func(t *testing.T, dir string, _ int, content string) {
				replace(t, filepath.Join(dir, "policy.wasm"), content)
			},
		},
		"written in place": {
			change: func(t *testing.T, dir string, _ int, content string) {
				write(t, filepath.Join(dir, "policy.wasm"), content)
			},
		},
		"removed and created": {
			change: func(t *testing.T, dir string, _ int, content string) {
				if err := os.Remove(filepath.Join(dir, "policy.wasm")); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, "policy.wasm"), content)
			},
		},
		"a volume of Kubernetes": {prepare: volume, change: swap},
		"behind a link to a volume of Kubernetes": {
			prepare: func(t *testing.T, dir string) {
				mkdir(t, filepath.Join(dir, "mount"))
				volume(t, filepath.Join(dir, "mount"))
				link(t, "./mount/../mount/policy.wasm", filepath.Join(dir, "policy.wasm"))
			},
			change: func(t *testing.T, dir string, n int, content string) {
				swap(t, filepath.Join(dir, "mount"), n, content)
			},
		},
		"behind an absolute link": {
			prepare: func(t *testing.T, dir string) {
				mkdir(t, filepath.Join(dir, "elsewhere"))
				write(t, filepath.Join(dir, "elsewhere", "p"), "first")
				link(t, filepath.Join(dir, "elsewhere", "p"), filepath.Join(dir, "policy.wasm"))
			},
			change: func(t *testing.T, dir string, _ int, content string) {
				replace(t, filepath.Join(dir, "elsewhere", "p"), content)
			},
		},
		"a link that leads elsewhere, to what was not watched": {
			prepare: func(t *testing.T, dir string) {
				mkdir(t, filepath.Join(dir, "d0"))
				write(t, filepath.Join(dir, "d0", "p"), "first")
				link(t, "d0/p", filepath.Join(dir, "policy.wasm"))
			},
			change: func(t *testing.T, dir string, n int, content string) {
				to := fmt.Sprintf("d%d", n)
				mkdir(t, filepath.Join(dir, to))
				write(t, filepath.Join(dir, to, "p"), content)
				link(t, to+"/p", filepath.Join(dir, "new"))
				if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "policy.wasm")); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tc.prepare == nil {
				write(t, filepath.Join(dir, "policy.wasm"), "first")
			} else {
				tc.prepare(t, dir)
			}
			s := source.NewFile(filepath.Join(dir, "policy.wasm"), options)
			source.PollEvery(s, time.Hour)
			w := startWatch(t, s)
			w.await(t, "it watches")
			known := mustFetch(t, s, "").Version
			for n := 1; n <= 3; n++ {
				want := fmt.Sprintf("version %d", n)
				tc.change(t, dir, n, want)
				// A file that is removed may be seen missing.
				got := w.awaitContent(t, s, want)
				if got.Version == known {
					t.Error("the version is the same")
				}
				known = got.Version
			}
		})
	}
}

// awaitContent waits until a change leads to some content.
func (w *watching) awaitContent(t testing.TB, s source.Source, want string) *source.Blob {
	t.Helper()
	for {
		w.await(t, want)
		if blob, err := s.Fetch(t.Context(), ""); err == nil && string(blob.Content) == want {
			return blob
		}
	}
}

// volume makes what the kubelet makes of a ConfigMap.
func volume(t *testing.T, dir string) {
	t.Helper()
	mkdir(t, filepath.Join(dir, "..v0"))
	write(t, filepath.Join(dir, "..v0", "policy.wasm"), "first")
	link(t, "..v0", filepath.Join(dir, "..data"))
	link(t, "..data/policy.wasm", filepath.Join(dir, "policy.wasm"))
}

// swap changes it as the kubelet does.
func swap(t *testing.T, dir string, n int, content string) {
	t.Helper()
	before, after := fmt.Sprintf("..v%d", n-1), fmt.Sprintf("..v%d", n)
	mkdir(t, filepath.Join(dir, after))
	write(t, filepath.Join(dir, after, "policy.wasm"), content)
	link(t, after, filepath.Join(dir, "..data_tmp"))
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, before)); err != nil {
		t.Fatal(err)
	}
}

func TestWatchFileThatComesLater(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "policy.wasm")
	s := source.NewFile(path, options)
	source.PollEvery(s, time.Hour)
	w := startWatch(t, s)
	w.await(t, "it watches")
	mkdir(t, filepath.Dir(path))
	// The watch follows into each directory that it learns of.
	time.Sleep(300 * time.Millisecond)
	write(t, path, "here")
	w.awaitContent(t, s, "here")
	write(t, path+".sigstore.json", "{}")
	if got := w.awaitFetch(t, s, digest("here"), "signature"); len(got.Signatures) != 1 {
		t.Errorf("%d signatures, want 1", len(got.Signatures))
	}
}

// What else happens in the directory is not told of.
func TestWatchFileNeighbours(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.wasm")
	write(t, path, "first")
	s := source.NewFile(path, options)
	source.PollEvery(s, 10*time.Millisecond)
	w := startWatch(t, s)
	w.await(t, "it watches")
	for n := range 20 {
		replace(t, filepath.Join(dir, "other"), fmt.Sprint(n))
		time.Sleep(10 * time.Millisecond)
	}
	w.none(t, "only a neighbour changed")
}

// Events that do not stop do not keep a change from being seen.
func TestWatchFileUnderConstantEvents(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "policy.wasm")
	write(t, path, "first")
	s := source.NewFile(path, options)
	source.PollEvery(s, time.Hour)
	w := startWatch(t, s)
	w.await(t, "it watches")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if err := os.WriteFile(filepath.Join(dir, "log"), []byte("line"), 0o600); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	defer func() { cancel(); <-ended }()
	replace(t, path, "second")
	w.awaitContent(t, s, "second")
}

// As on file systems without events: the directory that is watched is not the one in which things happen.
func TestWatchFileByPolling(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "a"))
	path := filepath.Join(dir, "a", "policy.wasm")
	write(t, path, "first")
	s := source.NewFile(path, options)
	source.PollEvery(s, 20*time.Millisecond)
	w := startWatch(t, s)
	w.await(t, "it watches")
	mkdir(t, filepath.Join(dir, "b"))
	write(t, filepath.Join(dir, "b", "policy.wasm"), "second")
	if err := errors.Join(os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "old")), os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "a"))); err != nil {
		t.Fatal(err)
	}
	w.awaitContent(t, s, "second")
	// And events come from the new directory now.
	replace(t, path, "third")
	w.awaitContent(t, s, "third")
}

func TestDirectories(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	volume(t, dir)
	mkdir(t, "sub")
	link(t, "../policy.wasm", "sub/link")
	link(t, "loop", "loop")
	loop := make([]string, 41)
	for i := range loop {
		loop[i] = dir
	}
	for path, want := range map[string][]string{
		"..v0/policy.wasm":              {dir + "/..v0"},
		"policy.wasm":                   {dir, dir, dir + "/..v0"},
		dir + "/sub/link":               {dir + "/sub", dir, dir, dir + "/..v0"},
		"missing/a/b":                   {dir},
		"..v0/policy.wasm/below/a/file": {dir + "/..v0/policy.wasm"},
		"loop":                          loop,
	} {
		if diff := cmp.Diff(want, source.Directories(path)); diff != "" {
			t.Errorf("directories of %s (-want,+got):\n%s", path, diff)
		}
	}
}

// FuzzSplitSignatures: there are few, none is empty, and what is one is one the next time.
func FuzzSplitSignatures(f *testing.F) {
	for _, seed := range []string{"", "{}", "[{},[]]", "{}\n{}", "MEUCIQ==", "1 2", "[", "{} x", `"a"`, "null"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, bundle []byte) {
		signatures, err := source.SplitSignatures(bundle)
		if err != nil && !errors.Is(err, source.ErrInvalid) || len(signatures) > source.MaxSignatures {
			t.Fatalf("%d signatures, %v", len(signatures), err)
		}
		for _, s := range signatures {
			if len(s.Data) == 0 || len(s.Data) > len(bundle) {
				t.Errorf("a signature has %d bytes of %d", len(s.Data), len(bundle))
			}
		}
	})
}
