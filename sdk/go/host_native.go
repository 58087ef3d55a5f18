// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !wasm

package stowage

import (
	"os"
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// A test that calls a policy's methods itself, without a Harness, sees its log lines on standard
// error; everything else comes to nothing.

func hostLog(level uint32, message string) {
	if h := hook.Current(); h != nil {
		h.Log(level, message)
		return
	}
	_, _ = os.Stderr.WriteString("stowage: " + Level(level).String() + ": " + message + "\n")
}

func hostCount(name string, delta int64) {
	if h := hook.Current(); h != nil {
		h.Count(name, delta)
	}
}

func hostGauge(name string, value float64) {
	if h := hook.Current(); h != nil {
		h.Gauge(name, value)
	}
}

func hostEvent(kind uint32, reason, note string) uint32 {
	if h := hook.Current(); h != nil {
		return h.Event(kind, reason, note)
	}
	return abi.EventDropped
}

func hostUsed(source uint32, account, resource string) int64 {
	if h := hook.Current(); h != nil {
		return h.Used(source, account, resource)
	}
	return 0
}

func hostObject(source uint32, namespace, name string, room *byte, size uint32) uint32 {
	if h := hook.Current(); h != nil {
		return h.Object(source, namespace, name, unsafe.Slice(room, size))
	}
	return abi.Absent
}

func hostWaiting(key string) uint32 {
	if h := hook.Current(); h != nil {
		return h.Waiting(key)
	}
	return 0
}

func hostAllow(key string) uint32 {
	if h := hook.Current(); h != nil {
		return h.Allow(key)
	}
	return 0
}

func hostReject(key, reason string) uint32 {
	if h := hook.Current(); h != nil {
		return h.Reject(key, reason)
	}
	return 0
}

func hostWake(nanoseconds int64) {
	if h := hook.Current(); h != nil {
		h.Wake(nanoseconds)
	}
}

func hostDataGet(key string, room *byte, size uint32) uint32 {
	if h := hook.Current(); h != nil {
		return h.DataGet(key, unsafe.Slice(room, size))
	}
	return abi.Absent
}

func hostDataSet(key string, value *byte, size uint32) uint32 {
	if h := hook.Current(); h != nil {
		return h.DataSet(key, unsafe.Slice(value, size))
	}
	return abi.DataFull
}
