// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !wasm

package stowage

import "os"

func hostLog(level uint32, message string) {
	_, _ = os.Stderr.WriteString("stowage: " + Level(level).String() + ": " + message + "\n")
}
