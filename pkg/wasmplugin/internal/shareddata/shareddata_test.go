// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package shareddata_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/shareddata"
)

const overhead = 64

// model is what Data should do, without thinking.
type model struct {
	limit  int
	values map[string][]byte
}

func (m *model) set(key string, value []byte) bool {
	after := maps.Clone(m.values)
	if after[key] = bytes.Clone(value); len(value) == 0 {
		delete(after, key)
	}
	used := 0
	for key, value := range after {
		used += len(key) + len(value) + overhead
	}
	if used > m.limit {
		return false
	}
	m.values = after
	return true
}

func TestDataIsAMap(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		limit := 1 + rng.IntN(3000)
		d, m := shareddata.New(limit), &model{limit, map[string][]byte{}}
		for range 500 {
			key, value := strings.Repeat("k", rng.IntN(20)), make([]byte, rng.IntN(1+rng.IntN(300)))
			for i := range value {
				value[i] = byte(rng.Uint32())
			}
			if got, want := d.Set(key, value), m.set(key, value); got != want {
				t.Fatalf("seed %d: Set of %d bytes = %t, want %t", seed, len(value), got, want)
			}
			clear(value) // neither is theirs
			got, found := d.Get(key)
			want, wanted := m.values[key]
			if found != wanted || !bytes.Equal(got, want) {
				t.Fatalf("seed %d: Get = %x, %t, want %x, %t", seed, got, found, want, wanted)
			}
			clear(got)
		}
		if diff := cmp.Diff(m.values, d.Snapshot()); diff != "" || d.Len() != len(m.values) {
			t.Errorf("seed %d: %d values (-want,+got):\n%s", seed, d.Len(), diff)
		}
	}
}

func TestLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		limit, key, value int
		want              bool
	}{
		"exactly":           {overhead + 12, 2, 10, true},
		"one more of value": {overhead + 12, 2, 11, false},
		"one more of key":   {overhead + 12, 3, 10, false},
		"default":           {0, 100, 256<<10 - overhead - 100, true},
		"more than default": {0, 100, 256<<10 - overhead - 99, false},
		"nothing":           {1, 100, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := shareddata.New(tc.limit)
			if got := d.Set(strings.Repeat("k", tc.key), make([]byte, tc.value)); got != tc.want {
				t.Errorf("Set = %t, want %t", got, tc.want)
			}
		})
	}
}

// What does not fit leaves the old value, and room that was given back can be used again.
func TestFullDataKeepsWhatItHas(t *testing.T) {
	d := shareddata.New(2*overhead + 20)
	put := func(key, value string, want bool) {
		t.Helper()
		if got := d.Set(key, []byte(value)); got != want {
			t.Errorf("Set(%q, %q) = %t, want %t", key, value, got, want)
		}
	}
	put("a", "123456789", true)
	put("b", "123456789", true)
	put("c", "1", false)
	put("a", "1234567890", false)
	if diff := cmp.Diff(map[string][]byte{"a": []byte("123456789"), "b": []byte("123456789")}, d.Snapshot()); diff != "" {
		t.Errorf("values (-want,+got):\n%s", diff)
	}
	put("b", "", true)
	put("a", "1234567890", true)
	put("c", "12345678", true)
}

// Nobody sees half of a value.
func TestConcurrentUse(t *testing.T) {
	d := shareddata.New(0)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 500 {
				key := fmt.Sprint(i % 5)
				d.Set(key, bytes.Repeat([]byte{byte(w + 1)}, (w+i)%8*100))
				got, _ := d.Get(key)
				if len(got)%100 != 0 || len(bytes.Trim(got, string(got[:min(1, len(got))]))) > 0 {
					t.Errorf("Get = %x, want one byte over and over", got)
				}
				d.Snapshot()
				d.Len()
			}
		})
	}
	all.Wait()
}
