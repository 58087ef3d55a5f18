// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// Level of a log line.
type Level uint32

// Levels, least important first.
const (
	LevelDebug   = Level(abi.LogDebug)
	LevelInfo    = Level(abi.LogInfo)
	LevelWarning = Level(abi.LogWarning)
	LevelError   = Level(abi.LogError)
)

// String is the name of the level.
func (l Level) String() string { return name(l, "debug", "info", "warning", "error") }

// Log writes a line to the scheduler's log. The policy needs the capability "log"; one that does
// not call it does not import it. Do not log per node: each line leaves the sandbox, and what is
// more than the operator allows is dropped.
//
// Under stowagetest the line is in the test's log and in Harness.Effects.
func Log(level Level, message string) { hostLog(uint32(level), message) }
