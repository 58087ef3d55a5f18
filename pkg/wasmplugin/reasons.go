// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import "sync"

// reasons bounds what a policy says about nodes in one attempt. The framework puts all different
// reasons into the pod's condition: a policy with one for each of thousands of nodes would make
// that too large for the API server to store.
type reasons struct {
	mu   sync.Mutex // guards all below
	left int        // bytes
	seen map[*outcome]bool
}

// bound returns the outcome, or one without a reason of its own if there is no room for it.
func (r *reasons) bound(o *outcome) *outcome {
	if o == passes {
		return o
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[o] {
		return o
	}
	if r.left -= o.size(); r.left < 0 {
		return o.short()
	}
	if r.seen == nil {
		r.seen = map[*outcome]bool{}
	}
	r.seen[o] = true
	return o
}
