// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package guest

// Lagging takes an idle guest that has not been told of the declared objects up to the version; nil
// if there is none. Give it back as one from Get.
func (p *Pool) Lagging(version uint64) *Guest {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	for i, g := range p.idle {
		if g.seen < version {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return g
		}
	}
	return nil
}
