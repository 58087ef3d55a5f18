// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Labels is a set of keys with values, sorted by key: labels, annotations or a node selector.
type Labels struct {
	v    *view
	list abi.List
}

// Get looks a key up.
func (l Labels) Get(key string) (string, bool) { return l.v.label(always, l.list, key) }

// Len is the number of keys.
func (l Labels) Len() int { return int(l.list.Count) }

// All iterates over keys and values.
func (l Labels) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range l.list.Count {
			e := (*abi.Label)(unsafe.Add(l.v.at(l.list.Off), uintptr(i)*labelSize))
			if !yield(l.v.str(e.Key), l.v.str(e.Value)) {
				return
			}
		}
	}
}

const labelSize = unsafe.Sizeof(abi.Label{})

// keyCache remembers where keys were found last. Within a resident space equal strings have
// equal offsets, and nodes tend to have the same keys at the same places, so that most lookups
// take one comparison of two numbers. It must be cleared when strings may have moved.
type keyCache [16]keyEntry

// keyEntry says that key was entry index of a list, with its name at off. Off is 0 in an
// unused entry; no string has that offset.
type keyEntry struct {
	key   string
	off   uint32
	index uint32
	value valueEntry
}

// valueEntry says that want is the string at off, likewise. It starts as noValue, not as zero,
// because "" is a value.
type valueEntry struct {
	want string
	off  uint32
}

var noValue = valueEntry{want: "no string that a policy asks for has this address"}

// of picks the entry for a key by the address of its bytes. Policies look up a few constants
// or strings from their configuration, so equal keys nearly always have equal addresses.
func (k *keyCache) of(key string) *keyEntry {
	p := uintptr(unsafe.Pointer(unsafe.StringData(key)))
	return &k[(p>>3^uintptr(len(key)))%uintptr(len(k))]
}

// same reports whether two strings are the same memory, which equal ones need not be.
func same(a, b string) bool {
	return unsafe.StringData(a) == unsafe.StringData(b) && len(a) == len(b)
}

// resident tells strings that keep their offset while the epoch lasts.
func resident(s abi.Str) bool { return s.Off>>abi.SpaceShift < abi.SpacePod }

// elsewhere tells strings of another space, whose offsets say nothing about each other.
func elsewhere(s abi.Str, off uint32) bool { return (s.Off^off)>>abi.SpaceShift != 0 }

// label looks a key up in a list of labels, if part is declared.
func (v *view) label(part Reads, l abi.List, key string) (string, bool) {
	v.need(part)
	p := (*abi.Label)(v.find(l, labelSize, key))
	if p == nil {
		return "", false
	}
	return v.str(p.Value), true
}

// labelIs reports whether a node's label has a value.
func (v *view) labelIs(l abi.List, key, want string) bool {
	v.need(ReadNodeLabels)
	p := (*abi.Label)(v.find(l, labelSize, key))
	return p != nil && v.is(&v.keys.of(key).value, p.Value, want)
}

// is reports whether s reads want, and remembers its offset if it does.
func (v *view) is(e *valueEntry, s abi.Str, want string) bool {
	if int(s.Len) != len(want) || !equal(v.str(s), want) {
		return false
	}
	if resident(s) && want != "" {
		*e = valueEntry{want, s.Off}
	}
	return true
}

// find returns the entry of a list whose first field, a Str, is key; nil if there is none.
func (v *view) find(l abi.List, stride uintptr, key string) unsafe.Pointer {
	e := v.keys.of(key)
	if e.index < l.Count && same(e.key, key) {
		if p := unsafe.Add(v.at(l.Off), uintptr(e.index)*stride); (*abi.Str)(p).Off == e.off {
			return p
		}
	}
	return v.search(e, l, stride, key)
}

// search compares strings, and remembers what it found unless it is in memory that changes
// from call to call.
func (v *view) search(e *keyEntry, l abi.List, stride uintptr, key string) unsafe.Pointer {
	if l.Count == 0 {
		return nil
	}
	p := v.at(l.Off)
	for i := range l.Count {
		s := (*abi.Str)(p)
		if int(s.Len) == len(key) && equal(v.str(*s), key) {
			if resident(*s) {
				e.remember(key, s.Off, i)
			}
			return p
		}
		p = unsafe.Add(p, stride)
	}
	return nil
}

func (e *keyEntry) remember(key string, off, index uint32) {
	if !same(e.key, key) || e.off != off {
		*e = keyEntry{key: key, off: off, value: noValue}
	}
	e.index = index
}

// equal compares strings of the same length eight bytes at a time; == goes byte by byte in Wasm.
func equal(a, b string) bool {
	p, q := unsafe.Pointer(unsafe.StringData(a)), unsafe.Pointer(unsafe.StringData(b))
	n := len(a)
	for ; n >= 8; n -= 8 {
		if *(*uint64)(p) != *(*uint64)(q) {
			return false
		}
		p, q = unsafe.Add(p, 8), unsafe.Add(q, 8)
	}
	for i := range n {
		if *(*byte)(unsafe.Add(p, i)) != *(*byte)(unsafe.Add(q, i)) {
			return false
		}
	}
	return true
}
