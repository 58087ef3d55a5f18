// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// writeSources makes tiny files to pack and returns their directory.
func writeSources(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"amd64": "for amd64", "arm64": "for arm64", "policy": "a policy"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func schedulerArgs(dir, out string) []string {
	return []string{
		"-out", out, "-name", "stowage", "-entrypoint", "/scheduler", "-roots",
		"linux/amd64:/scheduler=" + filepath.Join(dir, "amd64"),
		"linux/arm64:/scheduler=" + filepath.Join(dir, "arm64"),
	}
}

func TestSchedulerImage(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "new", "stowage.tar")
	if err := run(schedulerArgs(writeSources(t), archive), io.Discard); err != nil {
		t.Fatal(err)
	}
	images := readArchive(t, archive, "stowage")
	for platform, wantBinary := range map[string]string{"linux/amd64": "for amd64", "linux/arm64": "for arm64"} {
		image, found := images[platform]
		if !found {
			t.Fatalf("no image for %s", platform)
		}
		checkConfig(t, platform, image, v1.Config{User: "65532:65532", Entrypoint: []string{"/scheduler"}, WorkingDir: "/"})
		files := imageFiles(t, image)
		checkRoots(t, files[rootsPath])
		want := map[string]entry{
			"/etc": {Mode: 0o755}, "/etc/ssl": {Mode: 0o755}, "/etc/ssl/certs": {Mode: 0o755},
			"/scheduler": {Mode: 0o755, Data: wantBinary},
		}
		ignoreRoots := cmpopts.IgnoreMapEntries(func(name string, _ entry) bool { return name == rootsPath })
		if diff := cmp.Diff(want, files, ignoreRoots); diff != "" {
			t.Errorf("files for %s (-want,+got):\n%s", platform, diff)
		}
	}
	if len(images) != 2 {
		t.Errorf("got %d images, want 2", len(images))
	}
}

func TestPolicyImage(t *testing.T) {
	dir, archive := writeSources(t), filepath.Join(t.TempDir(), "policies.tar")
	args := []string{"-out", archive, "-name", "stowage-policies", "/zone.wasm=" + filepath.Join(dir, "policy")}
	if err := run(args, io.Discard); err != nil {
		t.Fatal(err)
	}
	want := map[string]entry{"/zone.wasm": {Mode: 0o644, Data: "a policy"}}
	for platform, image := range readArchive(t, archive, "stowage-policies") {
		checkConfig(t, platform, image, v1.Config{User: "65532:65532"})
		if diff := cmp.Diff(want, imageFiles(t, image)); diff != "" {
			t.Errorf("files for %s (-want,+got):\n%s", platform, diff)
		}
	}
}

func TestSameInputGivesSameBytes(t *testing.T) {
	var archives [2][]byte
	for i := range archives {
		archive := filepath.Join(t.TempDir(), "stowage.tar")
		if err := run(schedulerArgs(writeSources(t), archive), io.Discard); err != nil {
			t.Fatal(err)
		}
		var err error
		if archives[i], err = os.ReadFile(archive); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two archives of the same files differ")
	}
}

func TestBadArguments(t *testing.T) {
	dir := writeSources(t)
	source := filepath.Join(dir, "policy")
	out := filepath.Join(t.TempDir(), "image.tar")
	tests := map[string]struct {
		args    []string
		wantErr string
	}{
		"no archive":       {args: []string{"/a=" + source}, wantErr: "-out"},
		"no file":          {args: []string{"-out", out}, wantErr: "at least one file"},
		"no source":        {args: []string{"-out", out, "/a"}, wantErr: `"/a"`},
		"missing source":   {args: []string{"-out", out, "/a=" + filepath.Join(dir, "none")}, wantErr: "read file for /a"},
		"unknown platform": {args: []string{"-out", out, "plan9/386:/a=" + source}, wantErr: `platform "plan9/386"`},
		"relative path":    {args: []string{"-out", out, "a=" + source}, wantErr: `path "a"`},
		"entrypoint of one platform only": {
			args:    []string{"-out", out, "-entrypoint", "/a", "linux/amd64:/a=" + source},
			wantErr: "build image for linux/arm64: no file is given for the entrypoint /a",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := run(tc.args, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("got error %v, want one with %q", err, tc.wantErr)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func checkConfig(t *testing.T, platform string, image v1.Image, want v1.Config) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, config.Config, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("configuration for %s (-want,+got):\n%s", platform, diff)
	}
	if got := config.OS + "/" + config.Architecture; got != platform {
		t.Errorf("configuration says platform %s, index says %s", got, platform)
	}
}

// checkRoots reads the CA file as the Go runtime does.
func checkRoots(t *testing.T, file entry) {
	t.Helper()
	if file.Mode != 0o644 {
		t.Errorf("CA file has mode %o, want 644", file.Mode)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(file.Data)) {
		t.Fatal("the CA file holds no certificate")
	}
	if got := strings.Count(file.Data, "BEGIN CERTIFICATE"); got < 100 {
		t.Errorf("the CA file holds %d certificates, want the trust store of about 130", got)
	}
}
