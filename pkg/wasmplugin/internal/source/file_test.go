// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/source"
)

// limit is as large as a module may be here.
const limit = 32 << 20

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.wasm")
	if err := os.WriteFile(path, []byte("wasm"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := source.File(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("wasm", string(got)); diff != "" {
		t.Errorf("content (-want,+got):\n%s", diff)
	}
}

// The files are sparse: the cap must hold without anyone having that much data.
func TestFileIsCapped(t *testing.T) {
	for name, tc := range map[string]struct {
		size int64
		want error
	}{
		"empty": {0, nil}, "largest": {limit, nil},
		"one too many": {limit + 1, source.ErrTooLarge}, "giant": {1 << 40, source.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "policy.wasm")
			if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, tc.size)); err != nil {
				t.Fatal(err)
			}
			got, err := source.File(path, limit)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error is %v, want %v", err, tc.want)
			}
			if tc.want == nil && int64(len(got)) != tc.size {
				t.Errorf("%d bytes, want %d", len(got), tc.size)
			}
			if tc.want != nil {
				want := `reading module "` + path + `": content is too large: the limit is 33554432 bytes (limits.moduleSize)`
				if diff := cmp.Diff(want, err.Error()); diff != "" {
					t.Errorf("error (-want,+got):\n%s", diff)
				}
			}
		})
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.wasm")
	_, err := source.File(missing, limit)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want ErrNotExist", err)
	}
	if diff := cmp.Diff("reading module: open "+missing+": no such file or directory", err.Error()); diff != "" {
		t.Errorf("error (-want,+got):\n%s", diff)
	}
	if _, err := source.File(dir, limit); err == nil {
		t.Error("a directory was read")
	}
}
