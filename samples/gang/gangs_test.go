// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// However pods come, change and go, the counts are those of counting all pods again.
func TestGangsLikeCountingAgain(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		g, pods := newGangs(), map[string]member{}
		for range 500 {
			uid := fmt.Sprint("uid-", random.IntN(12))
			g.remove(uid)
			delete(pods, uid)
			if random.IntN(3) > 0 {
				pods[uid] = member{fmt.Sprint("gang-", random.IntN(3)), fmt.Sprint(2 + random.IntN(2)), random.IntN(2) == 0}
				g.add(uid, pods[uid])
			}
			ask := member{gang: fmt.Sprint("gang-", random.IntN(3)), size: fmt.Sprint(2 + random.IntN(2))}
			if m, known := pods[uid]; known {
				ask = m
			}
			exist, agree := g.with(uid, ask.gang, ask.size)
			wantExist, wantAgree, wantPlaced := recount(pods, uid, ask)
			if placed := g.placed(ask.gang); exist != wantExist || agree != wantAgree || placed != wantPlaced {
				t.Fatalf("seed %d: %d pods, %v, %d placed, want %d, %v, %d", seed, exist, agree, placed, wantExist, wantAgree, wantPlaced)
			}
		}
		for uid := range pods {
			g.remove(uid)
		}
		if len(g.of)+len(g.members) > 0 {
			t.Errorf("seed %d: when all pods are gone, %v and %v are left", seed, g.of, g.members)
		}
	}
}

// recount is what the answers should be for a pod that may be among the pods.
func recount(pods map[string]member, uid string, ask member) (exist int, agree bool, placed int) {
	agree = true
	if _, known := pods[uid]; !known {
		exist++
	}
	for _, m := range pods {
		if m.gang != ask.gang {
			continue
		}
		exist++
		agree = agree && m.size == ask.size
		if m.placed {
			placed++
		}
	}
	return exist, agree, placed
}
