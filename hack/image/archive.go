// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// refName is the annotation by which tools find an image in an OCI layout.
const refName = "org.opencontainers.image.ref.name"

// WriteArchive writes the index as a tar of an OCI image layout. The file appears complete or not at all.
func WriteArchive(out, name string, index v1.ImageIndex) error {
	parent := filepath.Dir(out)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make directory for the archive: %w", err)
	}
	scratch, err := os.MkdirTemp(parent, ".image-")
	if err != nil {
		return fmt.Errorf("make scratch directory: %w", err)
	}
	defer os.RemoveAll(scratch)
	root := filepath.Join(scratch, "layout")
	if err := writeLayout(root, name, index); err != nil {
		return err
	}
	archive := filepath.Join(scratch, "archive.tar")
	if err := packDirectory(archive, root); err != nil {
		return fmt.Errorf("pack archive: %w", err)
	}
	if err := os.Rename(archive, out); err != nil {
		return fmt.Errorf("put archive in place: %w", err)
	}
	return nil
}

func writeLayout(root, name string, index v1.ImageIndex) error {
	path, err := layout.Write(root, empty.Index)
	if err != nil {
		return fmt.Errorf("write image layout: %w", err)
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{refName: name})); err != nil {
		return fmt.Errorf("write images: %w", err)
	}
	return nil
}

// packDirectory writes the files of a directory in lexical order with fixed owners, modes and times.
func packDirectory(archive, root string) (err error) {
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	writer := tar.NewWriter(out)
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return packFile(writer, root, name)
	})
	if err == nil {
		err = writer.Close()
	}
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}

func packFile(writer *tar.Writer, root, name string) error {
	relative, err := filepath.Rel(root, name)
	if err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     filepath.ToSlash(relative),
		Size:     info.Size(),
		Mode:     0o644,
		ModTime:  epoch,
	}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(writer, file)
	return err
}
