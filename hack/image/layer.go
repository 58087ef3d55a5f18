// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// newLayer packs files, and the directories above them, in the order of their paths.
func newLayer(files []File) (v1.Layer, error) {
	var buffer bytes.Buffer
	if err := writeTar(&buffer, files); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("pack layer: %w", err)
	}
	return layer, nil
}

func writeTar(out io.Writer, files []File) error {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	writer := tar.NewWriter(out)
	made := map[string]bool{"/": true}
	for _, file := range sorted {
		if err := writeDirectories(writer, path.Dir(file.Path), made); err != nil {
			return err
		}
		if err := writeFile(writer, file); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return fmt.Errorf("end layer: %w", err)
	}
	return nil
}

// writeDirectories writes the entries of a directory and of those above it, each once.
func writeDirectories(writer *tar.Writer, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := writeDirectories(writer, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	header := &tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(dir, "/") + "/", Mode: 0o755, ModTime: epoch}
	if err := writer.WriteHeader(header); err != nil {
		return fmt.Errorf("write directory %s: %w", dir, err)
	}
	return nil
}

func writeFile(writer *tar.Writer, file File) error {
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     strings.TrimPrefix(file.Path, "/"),
		Size:     int64(len(file.Data)),
		Mode:     file.Mode,
		ModTime:  epoch,
	}
	if err := writer.WriteHeader(header); err != nil {
		return fmt.Errorf("write entry %s: %w", file.Path, err)
	}
	if _, err := writer.Write(file.Data); err != nil {
		return fmt.Errorf("write content of %s: %w", file.Path, err)
	}
	return nil
}
