// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"sync/atomic"
	"time"
)

// How long a policy that broke down over a hint or a signature is not asked for any, at first and at
// most. It doubles with each fault that comes within respiteMost after the one before was over.
const (
	respiteFirst = time.Second
	respiteMost  = time.Minute
)

// respite keeps what a policy need not be asked from being asked again at once after a fault, with the
// scheduling queue locked. The circuit breaker does not do that: it counts pods, and events may come a
// hundred times a second for a single one that the policy cannot cope with. Not to ask is always safe
// here: a pod is tried again, or not batched. The zero value is ready.
type respite struct {
	// until is when it is over, and length how long it was, in nanoseconds. Two faults at once may
	// count as one.
	until, length atomic.Int64
}

// over tells whether the policy may be asked.
func (r *respite) over() bool {
	until := r.until.Load()
	return until == 0 || time.Now().UnixNano() >= until
}

// reset forgets all faults.
func (r *respite) reset() {
	r.until.Store(0)
	r.length.Store(0)
}

// begin is called after a fault.
func (r *respite) begin() {
	now, length := time.Now().UnixNano(), int64(respiteFirst)
	if now < r.until.Load()+int64(respiteMost) {
		length = min(2*r.length.Load(), int64(respiteMost))
	}
	r.length.Store(length)
	r.until.Store(now + length)
}
