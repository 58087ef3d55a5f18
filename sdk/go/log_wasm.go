// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

//go:wasmimport stowage log
func hostLog(level uint32, message string)
