// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wasmplugin makes scheduling-framework plugins of WebAssembly policies.
//
// A Host is shared by all policies of one scheduler. Its factories follow the data:
//
//	WasmPluginArgs -> config -> source -> engine -> guest.Pool -> plugin -> *fwk.Status
//	scheduler snapshot -> snapshot.Store --- mapped into guests -+
//
// At the start of a cycle the first policy that is asked brings the Store up to date with the
// scheduler's snapshot (cycle.go). Filter then evaluates nodes in chunks, when the framework
// first asks for a node of the chunk (filter.go); Score evaluates all nodes in PreScore
// (score.go). Guests come from a pool per policy, one per goroutine that needs one at a time.
// status.go alone turns what a guest decided, or how it failed, into a *fwk.Status.
//
// Ownership: a plugin's Close ends its guests once the last call returns; Host.Close ends the
// Store and must come after that.
package wasmplugin
