// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// Duration is a time span in nanoseconds. It is no time.Duration because package time would add 250 kB
// to every module; Duration(d) makes one of a time.Duration.
type Duration int64

// Durations.
const (
	Nanosecond  Duration = 1
	Microsecond          = 1000 * Nanosecond
	Millisecond          = 1000 * Microsecond
	Second               = 1000 * Millisecond
	Minute               = 60 * Second
)
