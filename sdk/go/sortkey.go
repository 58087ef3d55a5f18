// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// MaxSortKey is how many bytes of a SortKey count; what comes later orders nothing.
const MaxSortKey = 256

// SortKey is a place in the queue. It is made of parts, of which the first is the most important:
//
//	stowage.NewSortKey().IntDescending(int64(pod.Priority())).Int(pod.CreatedUnixNano())
//
// Keys are in the order of their bytes. All pods' keys must have the same parts in the same order.
type SortKey struct{ bytes []byte }

// NewSortKey is a key without parts.
func NewSortKey() SortKey { return SortKey{make([]byte, 0, 64)} }

// Int puts lower numbers first.
func (k SortKey) Int(n int64) SortKey {
	b, u := k.bytes, uint64(n)^1<<63
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(u>>shift))
	}
	return SortKey{b}
}

// IntDescending puts higher numbers first.
func (k SortKey) IntDescending(n int64) SortKey { return k.Int(^n) }

// Text puts texts in the order of their bytes.
func (k SortKey) Text(s string) SortKey { return k.text(s, 0) }

// TextDescending puts texts in the reverse order of their bytes.
func (k SortKey) TextDescending(s string) SortKey { return k.text(s, 0xff) }

// Bytes of the key.
func (k SortKey) Bytes() []byte { return k.bytes[:min(len(k.bytes), MaxSortKey)] }

// text appends a text that ends with two zeros, so that a prefix comes first; a zero in the text is
// followed by 0xff, so that it is no end. mask inverts the order.
func (k SortKey) text(s string, mask byte) SortKey {
	b := k.bytes
	for i := range len(s) {
		if b = append(b, s[i]^mask); s[i] == 0 {
			b = append(b, ^mask)
		}
	}
	return SortKey{append(b, mask, mask)}
}
