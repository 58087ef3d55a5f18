// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Command loops is a guest whose work is in its own code: what a policy does with a node, many times.
package main

import (
	"hash/fnv"
	"slices"
	"strings"
)

type node struct {
	name   string
	zone   string
	free   int64
	labels map[string]string
}

var nodes = build()

func build() []node {
	zones := []string{"a", "b", "c"}
	out := make([]node, 200)
	for i := range out {
		name := "node-" + strings.Repeat(string(rune('a'+i%26)), 1+i%7)
		out[i] = node{name: name, zone: zones[i%3], free: int64(i*7919%1000) << 20, labels: map[string]string{"zone": zones[i%3], "name": name}}
	}
	return out
}

// work scores the nodes as often as it is told to.
//
//go:wasmexport work
func work(rounds int32) int64 {
	var sum int64
	for r := range int64(rounds) {
		scores := make([]int64, len(nodes))
		for i, n := range nodes {
			if n.labels["zone"] == "b" || strings.Contains(n.name, "xx") {
				continue
			}
			h := fnv.New32a()
			_, _ = h.Write([]byte(n.name))
			scores[i] = n.free/(1+r) + int64(h.Sum32()%97)
		}
		slices.Sort(scores)
		sum += scores[len(scores)/2]
	}
	return sum
}

func main() {}
