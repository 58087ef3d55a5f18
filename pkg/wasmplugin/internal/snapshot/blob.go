// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"

// blob is a sink whose bytes are copied into a guest: the pod of a cycle, or nodes that are
// not as in the snapshot. The zero value with a space is ready.
type blob struct {
	space uint32
	pad   int
	buf   []byte
}

func (b *blob) alloc(n int) uint32 {
	pos := align(len(b.buf), 8)
	end := align(pos+n, 8)
	for cap(b.buf) < end {
		b.buf = append(b.buf[:cap(b.buf)], 0)
	}
	clear(b.buf[len(b.buf):end])
	b.buf = b.buf[:end]
	return offset(b.space, pos)
}

func (b *blob) at(off uint32) []byte { return b.buf[position(off):] }

func (b *blob) str(s string) abi.Str {
	if s == "" {
		return abi.Str{}
	}
	off := b.alloc(len(s))
	copy(b.at(off), s)
	return abi.Str{Off: off, Len: uint32(len(s))}
}

func (b *blob) padding() int { return b.pad }
