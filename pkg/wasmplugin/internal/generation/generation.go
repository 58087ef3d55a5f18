// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package generation takes what a policy consists of, a module and a config, from their sources into service,
// again whenever one of them changes.
//
// A Pipeline belongs to one policy. It fetches a candidate, checks its digest and signatures, and has a Maker
// compile it, try it and swap it in. A candidate that fails anywhere changes nothing but the Status: the
// generation that works stays. What worked last is remembered on disk, so that a scheduler can start while
// sources are out of reach; it passes the same checks again then.
//
// Ownership: Run ends with its context, and leaves the last generation to the Maker, who made it and ends
// it. Concurrency: Run is called once; Status at any time.
package generation

import (
	"context"
	"errors"
)

// State is how far a candidate has come.
type State string

// The states, in their order. A generation is Active until a later one takes its place; then it is Retired,
// until the last attempt that began with it is over.
const (
	Pending   State = "Pending"
	Fetching  State = "Fetching"
	Verifying State = "Verifying"
	Compiling State = "Compiling"
	Warming   State = "Warming"
	Active    State = "Active"
	Rejected  State = "Rejected"
	Retired   State = "Retired"
)

// States is all of them.
var States = []State{Pending, Fetching, Verifying, Compiling, Warming, Active, Rejected, Retired}

// Why a candidate was rejected. Errors of a Maker wrap the last two where they apply.
var (
	// ErrFetch is a source that could not be read; it is asked again.
	ErrFetch = errors.New("cannot be fetched")
	// ErrDigest is content that is not what the operator pinned.
	ErrDigest = errors.New("has another digest than the one pinned")
	// ErrSignature is content that nobody signed who should have.
	ErrSignature = errors.New("is not signed as required")
	// ErrConfig is a config that is not an object.
	ErrConfig = errors.New("has a config that is not valid")
	// ErrSelfTest is a module that breaks down when it is tried.
	ErrSelfTest = errors.New("does not pass the self-test")
	// ErrRestart is a module that does what the framework must be told of when the scheduler starts.
	ErrRestart = errors.New("needs a restart of the scheduler")
)

// reasons are the words of the errors, for metrics; that of others is their stage's.
var reasons = []struct {
	err    error
	reason string
}{
	{ErrFetch, "fetch"},
	{ErrDigest, "digest"},
	{ErrSignature, "signature"},
	{ErrConfig, "config"},
	{ErrSelfTest, "self_test"},
	{ErrRestart, "restart"},
}

// Reason is a word for why a candidate was rejected.
func Reason(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return "module"
}

// Candidate is what a generation is made of.
type Candidate struct {
	// Number is that of the generation that it will be, if it comes to that: 1 for a policy's first.
	Number int
	// Module is the module's bytes, and Digest their SHA-256 in hexadecimal, as in sha256:<digest>.
	Module []byte
	Digest string
	// Manifest is the digest of the OCI manifest; empty for other sources.
	Manifest string
	// Origin is where it comes from, for people. Remembered is set if it is what worked last, while its source
	// could not be read.
	Origin     string
	Remembered bool
	// Fallback is set if what worked last can take its place: it has to be tried before it is activated, as one
	// that replaces another.
	Fallback bool
	// Config is a JSON object.
	Config []byte
	// Signers are the keys and identities whose signatures were found good.
	Signers []string
}

// Maker makes generations of candidates. It is called by one goroutine at a time.
type Maker interface {
	// Make compiles the module, tries it with the config and swaps it in, and tells when it enters a stage.
	// If it fails everything is as before.
	Make(ctx context.Context, c *Candidate, enter func(State)) error
	// Temporary tells whether the same candidate may do better later.
	Temporary(error) bool
}
