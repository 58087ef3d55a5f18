// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// Version of this SDK.
const Version = "0.1.0"
