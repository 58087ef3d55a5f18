// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stowagetest runs a policy under plain "go test", without Wasm and without a cluster.
// MakeNode and MakePod describe what the policy is to see; a Harness encodes that into the same
// records that the scheduler hands to a module and calls the policy through the same code, so
// that a part that the policy forgot to declare is missing here as it is there.
//
//	h := stowagetest.New(t, &policy{}, stowage.ReadNodeLabels)
//	got := h.Filter(stowagetest.MakePod("web").Label("zone", "a"),
//		stowagetest.MakeNode("n1").Zone("a"),
//		stowagetest.MakeNode("n2").Zone("b"))
//
// A Harness serves one test and one goroutine; parallel tests each make their own. Builders
// may be shared once they are built.
package stowagetest
