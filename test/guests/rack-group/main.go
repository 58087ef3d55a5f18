// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Rack-group places a group of pods within one rack and does nothing else; see package racks.
package main

import (
	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/test/guests/rack-group/racks"
)

func init() { stowage.Register(racks.Policy{}, racks.Reads) }

func main() {}
