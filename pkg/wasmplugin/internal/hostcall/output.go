// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

import "strings"

// maxOutput is how many bytes of output are kept for a fault: a Go panic with a short stack.
const maxOutput = 2 << 10

// output keeps the end of what a guest writes.
type output struct {
	buf []byte
}

// write never keeps more than twice maxOutput bytes, so that many short writes do not each move
// all that is kept.
func (o *output) write(p []byte) {
	o.buf = append(o.buf, p[max(0, len(p)-maxOutput):]...)
	if len(o.buf) > 2*maxOutput {
		o.buf = o.buf[:copy(o.buf, o.buf[len(o.buf)-maxOutput:])]
	}
}

func (o *output) take() string {
	s := strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return printable(r)
	}, strings.TrimSpace(string(o.buf[max(0, len(o.buf)-maxOutput):])))
	o.buf = nil
	return s
}
