// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "unsafe"

// reasons numbers the distinct reasons of a batch, so that a reason that a thousand nodes share
// crosses the boundary once. Looking back over recent ones only keeps it linear; a reason may
// then be listed twice, which is harmless.
type reasons struct {
	list []string
}

const recentReasons = 8

func (r *reasons) reset() {
	clear(r.list)
	r.list = r.list[:0]
}

// number is 1 + the index of a reason, or 0 for none.
func (r *reasons) number(s string) uint32 {
	if s == "" {
		return 0
	}
	low := max(0, len(r.list)-recentReasons)
	for i := len(r.list) - 1; i >= low; i-- {
		if have := r.list[i]; len(have) == len(s) && (unsafe.StringData(have) == unsafe.StringData(s) || have == s) {
			return uint32(i) + 1
		}
	}
	r.list = append(r.list, s)
	return uint32(len(r.list))
}
