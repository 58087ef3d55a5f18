// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !wasm

package stowage

import (
	"os"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// A test that calls a policy's methods itself, without a Harness, sees its log lines on standard
// error; counters, gauges and events come to nothing.

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
