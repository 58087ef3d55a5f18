// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

// place is what keys are made of, compared naively.
type place struct {
	class string
	n     int64
	name  string
}

func (p place) key() []byte {
	return stowage.NewSortKey().TextDescending(p.class).IntDescending(p.n).Text(p.name).Int(p.n).Bytes()
}

func (p place) compare(q place) int {
	return cmp.Or(-strings.Compare(p.class, q.class), -cmp.Compare(p.n, q.n), strings.Compare(p.name, q.name))
}

// The bytes of keys are in the order of their parts.
func TestSortKeysAreInOrder(t *testing.T) {
	texts := []string{"", "\x00", "\x00\x00", "\x00\xff", "a", "a\x00", "a\x00b", "ab", "b", "\xff", "\xff\xff"}
	numbers := []int64{math.MinInt64, -256, -1, 0, 1, 255, 256, math.MaxInt64}
	random := func() place {
		return place{texts[rand.IntN(len(texts))], numbers[rand.IntN(len(numbers))], texts[rand.IntN(len(texts))]}
	}
	for range 20_000 {
		a, b := random(), random()
		if want, got := a.compare(b), bytes.Compare(a.key(), b.key()); want != got {
			t.Fatalf("%+v and %+v: want %d, got %d of %x and %x", a, b, want, got, a.key(), b.key())
		}
	}
}

func TestSortKeysEnd(t *testing.T) {
	k := stowage.SortKey{}.Text(strings.Repeat("a", 300)).Int(1)
	if got := len(k.Bytes()); got != stowage.MaxSortKey {
		t.Errorf("want %d bytes, got %d", stowage.MaxSortKey, got)
	}
}
