// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import "time"

// Directories is for tests.
var Directories = directories

// SplitSignatures is for tests.
var SplitSignatures = splitSignatures

// PollEvery makes a file be looked at more often.
func PollEvery(s Source, d time.Duration) { s.(*file).poll = d }

// SettleAfter says how old a file must be to be taken for written.
func SettleAfter(s Source, d time.Duration) { s.(*file).settle = d }

// RetryEvery makes the watch of an object be tried again soon.
func RetryEvery(s Source, d time.Duration) {
	s.(*object).minRetry, s.(*object).maxRetry = d, d
}
