// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// The policy needs the capability "waitingPods" for each of these; one that does not call them does not
// import them. They are about pods that wait because this policy's Permit said so, in all profiles.

// WaitingPods is how many pods wait with a key.
func WaitingPods(key string) int { return int(hostWaiting(key)) }

// AllowWaiting ends the wait of the pods with a key, as far as this policy is concerned, and returns how
// many there were. The pod that Permit is asked about does not wait yet.
func AllowWaiting(key string) int { return int(hostAllow(key)) }

// RejectWaiting gives up the nodes of the pods that wait with a key, for a reason that their users see,
// and returns how many there were.
func RejectWaiting(key, reason string) int { return int(hostReject(key, reason)) }
