// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

//go:wasmimport stowage log
func hostLog(level uint32, message string)

//go:wasmimport stowage count
func hostCount(name string, delta int64)

//go:wasmimport stowage gauge
func hostGauge(name string, value float64)

//go:wasmimport stowage event
func hostEvent(kind uint32, reason, note string) uint32
