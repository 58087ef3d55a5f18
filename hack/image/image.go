// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is nobody in particular: the id by which distroless images know their unprivileged user. It is
// a number, so that runAsNonRoot can be checked without a passwd file.
const user = "65532:65532"

// epoch is the time of everything in an image.
var epoch = time.Unix(0, 0).UTC()

// Index makes the image of each platform and the index over them.
func (s *Spec) Index() (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, name := range platforms {
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			return nil, fmt.Errorf("parse platform %s: %w", name, err)
		}
		image, err := s.image(platform)
		if err != nil {
			return nil, fmt.Errorf("build image for %s: %w", name, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: platform},
		})
	}
	return index, nil
}

// image puts the shared files and those of the platform into one layer each, so that the layer that
// seldom changes is not fetched again.
func (s *Spec) image(platform *v1.Platform) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, files := range [][]File{s.Shared, s.Platform[platform.String()]} {
		if len(files) == 0 {
			continue
		}
		layer, err := newLayer(files)
		if err != nil {
			return nil, err
		}
		image, err = mutate.Append(image, mutate.Addendum{
			Layer:   layer,
			History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "stowage hack/image"},
		})
		if err != nil {
			return nil, fmt.Errorf("append layer: %w", err)
		}
	}
	return s.configure(image, platform)
}

// configure writes the image's configuration: platform, user and command.
func (s *Spec) configure(image v1.Image, platform *v1.Platform) (v1.Image, error) {
	old, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	config := old.DeepCopy()
	config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
	config.Created = v1.Time{Time: epoch}
	config.Config.User = user
	if s.Entrypoint != "" {
		if !s.has(platform, s.Entrypoint) {
			return nil, fmt.Errorf("no file is given for the entrypoint %s", s.Entrypoint)
		}
		config.Config.Entrypoint = []string{s.Entrypoint}
		config.Config.WorkingDir = "/"
	}
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return image, nil
}

func (s *Spec) has(platform *v1.Platform, name string) bool {
	named := func(f File) bool { return f.Path == name }
	return slices.ContainsFunc(s.Shared, named) || slices.ContainsFunc(s.Platform[platform.String()], named)
}
