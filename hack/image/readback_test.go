// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// readArchive unpacks an archive, checks every digest, size and media type in it, and returns its images
// by platform, as a registry client would find them through the name.
func readArchive(t *testing.T, archive, name string) map[string]v1.Image {
	t.Helper()
	root := t.TempDir()
	unpack(t, archive, root)
	top, err := layout.ImageIndexFromPath(root)
	if err != nil {
		t.Fatalf("open image layout: %v", err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatalf("read index.json: %v", err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Annotations[refName] != name {
		t.Fatalf("index.json lists %+v, want one image named %q", manifest.Manifests, name)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatalf("read index: %v", err)
	}
	if err := validate.Index(index); err != nil {
		t.Fatalf("validate index: %v", err)
	}
	return imagesByPlatform(t, index)
}

func imagesByPlatform(t *testing.T, index v1.ImageIndex) map[string]v1.Image {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatalf("read index: %v", err)
	}
	images := map[string]v1.Image{}
	for _, descriptor := range manifest.Manifests {
		image, err := index.Image(descriptor.Digest)
		if err != nil {
			t.Fatalf("read image for %s: %v", descriptor.Platform, err)
		}
		images[descriptor.Platform.String()] = image
	}
	return images
}

func unpack(t *testing.T, archive, root string) {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	eachEntry(t, file, func(header *tar.Header, content io.Reader) {
		name := filepath.Join(root, filepath.FromSlash(header.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(out, content)
		if err := errors.Join(err, out.Close()); err != nil {
			t.Fatal(err)
		}
	})
}

// entry is what the tests look at of a file in an image.
type entry struct {
	Mode int64
	Data string
}

// imageFiles returns what a container of the image would find, directories without content.
func imageFiles(t *testing.T, image v1.Image) map[string]entry {
	t.Helper()
	files := map[string]entry{}
	content := mutate.Extract(image)
	t.Cleanup(func() { _ = content.Close() })
	eachEntry(t, content, func(header *tar.Header, content io.Reader) {
		var data bytes.Buffer
		if _, err := io.Copy(&data, content); err != nil {
			t.Fatal(err)
		}
		files["/"+header.Name] = entry{Mode: header.Mode, Data: data.String()}
	})
	return files
}

func eachEntry(t *testing.T, in io.Reader, visit func(*tar.Header, io.Reader)) {
	t.Helper()
	for reader := tar.NewReader(in); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("read tar: %v", err)
		}
		visit(header, reader)
	}
}
