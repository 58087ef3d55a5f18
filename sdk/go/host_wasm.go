// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// Each function is on its own, so that the linker drops those that a policy does not call: then it needs no
// capability for them.

//go:wasmimport stowage log
func hostLog(level uint32, message string)

//go:wasmimport stowage count
func hostCount(name string, delta int64)

//go:wasmimport stowage gauge
func hostGauge(name string, value float64)

//go:wasmimport stowage event
func hostEvent(kind uint32, reason, note string) uint32

//go:wasmimport stowage used
func hostUsed(source uint32, account, resource string) int64

//go:wasmimport stowage object
func hostObject(source uint32, namespace, name string, room *byte, size uint32) uint32

//go:wasmimport stowage waiting
func hostWaiting(key string) uint32

//go:wasmimport stowage allow
func hostAllow(key string) uint32

//go:wasmimport stowage reject
func hostReject(key, reason string) uint32

//go:wasmimport stowage wake
func hostWake(nanoseconds int64)

//go:wasmimport stowage data_get
func hostDataGet(key string, room *byte, size uint32) uint32

//go:wasmimport stowage data_set
func hostDataSet(key string, value *byte, size uint32) uint32
