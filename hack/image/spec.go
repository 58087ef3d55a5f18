// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// platforms are those that an image is made for, in the order of the index.
var platforms = []string{"linux/amd64", "linux/arm64"}

// File is one regular file of an image.
type File struct {
	Path string // absolute, clean
	Mode int64
	Data []byte
}

// Spec says what goes into an image.
type Spec struct {
	Name       string
	Entrypoint string
	Shared     []File            // in the images of all platforms
	Platform   map[string][]File // in the image of one platform
}

// addFiles reads the files that the arguments name, each as [os/arch:]/path=source.
func (s *Spec) addFiles(args []string) error {
	for _, arg := range args {
		target, source, found := strings.Cut(arg, "=")
		if !found {
			return fmt.Errorf("read argument %q: write [os/arch:]/path=source", arg)
		}
		platform, name := splitPlatform(target)
		if err := checkTarget(platform, name); err != nil {
			return fmt.Errorf("read argument %q: %w", arg, err)
		}
		data, err := os.ReadFile(source)
		if err != nil {
			return fmt.Errorf("read file for %s: %w", name, err)
		}
		s.add(platform, File{Path: name, Mode: s.mode(name), Data: data})
	}
	return nil
}

// splitPlatform cuts "linux/amd64:/scheduler" into platform and path; the platform may be missing.
func splitPlatform(target string) (platform, name string) {
	if platform, name, found := strings.Cut(target, ":"); found {
		return platform, name
	}
	return "", target
}

func checkTarget(platform, name string) error {
	if platform != "" && !slices.Contains(platforms, platform) {
		return fmt.Errorf("platform %q is not one of %s", platform, strings.Join(platforms, ", "))
	}
	if !path.IsAbs(name) || path.Clean(name) != name || name == "/" {
		return fmt.Errorf("path %q in the image must be absolute and clean", name)
	}
	return nil
}

// mode makes only the entrypoint executable.
func (s *Spec) mode(name string) int64 {
	if name == s.Entrypoint {
		return 0o755
	}
	return 0o644
}

func (s *Spec) add(platform string, file File) {
	if platform == "" {
		s.Shared = append(s.Shared, file)
		return
	}
	if s.Platform == nil {
		s.Platform = map[string][]File{}
	}
	s.Platform[platform] = append(s.Platform[platform], file)
}
