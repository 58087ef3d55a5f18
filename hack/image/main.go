// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package main writes OCI image archives without a container engine: an index with one image for each
// platform, from files that are already built. The same files give the same bytes: times are fixed,
// entries are sorted, and nothing of the machine that builds goes in.
//
//	image -out build/image/stowage.tar -name stowage -entrypoint /scheduler -roots \
//	    linux/amd64:/scheduler=build/image/amd64/scheduler linux/arm64:/scheduler=build/image/arm64/scheduler
//
// An argument without a platform adds its file to the images of every platform.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(1)
	}
}

// run does what the arguments say; usage goes to usage.
func run(args []string, usage io.Writer) error {
	var (
		spec  Spec
		out   string
		roots bool
	)
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&out, "out", "", "the archive to write")
	flags.StringVar(&spec.Name, "name", "", "what tools that import the archive call the image")
	flags.StringVar(&spec.Entrypoint, "entrypoint", "", "the command of the image; none for an image of files")
	flags.BoolVar(&roots, "roots", false, "add the CA certificates of the Mozilla trust store")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("parse flags: %w", err)
	}
	if out == "" || flags.NArg() == 0 {
		return errors.New("name an archive with -out and at least one file as [os/arch:]/path=source")
	}
	if roots {
		spec.Shared = append(spec.Shared, rootsFile())
	}
	if err := spec.addFiles(flags.Args()); err != nil {
		return err
	}
	index, err := spec.Index()
	if err != nil {
		return err
	}
	return WriteArchive(out, spec.Name, index)
}
