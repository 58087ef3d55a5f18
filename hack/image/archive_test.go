// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestBuiltImage reads back the archive that `make image` wrote, which `make test` does first.
func TestBuiltImage(t *testing.T) {
	archive := filepath.Join("..", "..", "build", "image", "stowage.tar")
	if _, err := os.Stat(archive); err != nil {
		t.Fatalf("no image to read back, run make image: %v", err)
	}
	images := readArchive(t, archive, "stowage")
	for platform, wantMachine := range map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64} {
		t.Run(platform, func(t *testing.T) {
			image, found := images[platform]
			if !found {
				t.Fatal("no image")
			}
			checkConfig(t, platform, image, v1.Config{User: "65532:65532", Entrypoint: []string{"/scheduler"}, WorkingDir: "/"})
			files := imageFiles(t, image)
			checkRoots(t, files[rootsPath])
			checkBinary(t, files["/scheduler"], wantMachine)
		})
	}
}

// checkBinary wants a program of the machine that needs no loader and no library.
func checkBinary(t *testing.T, file entry, wantMachine elf.Machine) {
	t.Helper()
	if file.Mode != 0o755 {
		t.Errorf("/scheduler has mode %o, want 755", file.Mode)
	}
	program, err := elf.NewFile(strings.NewReader(file.Data))
	if err != nil {
		t.Fatalf("read /scheduler: %v", err)
	}
	if program.Machine != wantMachine {
		t.Errorf("/scheduler is for %s, want %s", program.Machine, wantMachine)
	}
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP || segment.Type == elf.PT_DYNAMIC {
			t.Errorf("/scheduler has a segment %s, want a static program", segment.Type)
		}
	}
}
