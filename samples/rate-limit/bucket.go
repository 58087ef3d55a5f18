// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import stowage "github.com/stowage-scheduler/stowage/sdk/go"

// bucket is the tokens of a namespace. All times are in nanoseconds since 1970.
type bucket struct {
	limit limit
	tokens
}

// tokens is what the policy's instances share about a namespace. PreFilter and Permit are asked about one
// pod after the other and write it. Unreserve runs beside them and beside itself, so it writes only how many
// tokens were given back, in a value of its own: two at the same moment may lose one, which comes back with time, and
// none is ever taken twice.
type tokens struct {
	// full is when the bucket is, or was, full again if nobody takes any more. It says all: each token that
	// is missing is so much time before it.
	full int64
	// returned is how many of the tokens that were given back are in the bucket.
	returned int64
	// promised is when the last pod that was told to wait is to be tried again.
	promised int64
}

// load gets the bucket of a namespace, with what was given back. One that nobody has used yet is full.
func load(namespace string, l limit) bucket {
	b := bucket{limit: l}
	read(namespace, &b.tokens)
	returned := returnedTo(namespace)
	b.full -= (returned - b.returned) * l.every()
	b.returned = returned
	return b
}

func (b *bucket) store(namespace string) bool {
	return stowage.SetSharedData(namespace, stowage.EncodeState(&b.tokens))
}

// wait is how long it takes until there is a token; 0 or less if there is one.
func (b *bucket) wait(now int64) int64 { return b.full - (b.limit.burst-1)*b.limit.every() - now }

// take takes a token, which must be there.
func (b *bucket) take(now int64) { b.full = max(b.full, now) + b.limit.every() }

// promise is when to try again a pod for which there is no token: one pod for each token to come, so that
// they do not all come for the same one. Nobody is told to wait for more than a minute, since others may be deleted
// and not come for theirs.
func (b *bucket) promise(now int64) int64 {
	b.promised = min(max(now+b.wait(now), b.promised+b.limit.every()), now+int64(stowage.Minute))
	return b.promised
}

// No namespace has such a name.
func returnedKey(namespace string) string { return namespace + "/returned" }

func returnedTo(namespace string) (n int64) {
	read(returnedKey(namespace), &n)
	return n
}

func giveBack(namespace string) {
	n := returnedTo(namespace) + 1
	stowage.SetSharedData(returnedKey(namespace), stowage.EncodeState(&n))
}

// read copies shared data, if there is any, over a value that EncodeState made it of.
func read[T any](key string, into *T) {
	if data, ok := stowage.SharedData(key); ok {
		copy(stowage.EncodeState(into), data)
	}
}
