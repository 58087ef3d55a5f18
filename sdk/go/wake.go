// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// Wake tries the pod of the current call again after a time, if the policy rejects it now: for a policy
// that waits for the time to pass, and for no event. The time is 100 ms to an hour; a shorter or longer one
// becomes that, and a negative one is a fault. The policy needs the capability "wake"; one that does
// not call it does not import it.
func Wake(after Duration) { hostWake(int64(after)) }
