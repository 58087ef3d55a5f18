// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// gangs counts the pods of each gang as they come, change and go, so that a question about a gang costs the
// same however many pods there are.
type gangs struct {
	members map[string]member // by UID
	of      map[string]*gang  // by key
}

// member is a pod that has not ended and is not about to.
type member struct {
	gang, size string
	placed     bool
}

type gang struct {
	pods, placed int
	// sizes is how many pods have each value of the size label.
	sizes map[string]int
}

func newGangs() gangs { return gangs{map[string]member{}, map[string]*gang{}} }

func (g *gangs) add(uid string, m member) {
	g.members[uid] = m
	if g.of[m.gang] == nil {
		g.of[m.gang] = &gang{sizes: map[string]int{}}
	}
	g.of[m.gang].count(m, 1)
}

// remove forgets a pod, if it is known.
func (g *gangs) remove(uid string) {
	m, known := g.members[uid]
	if !known {
		return
	}
	delete(g.members, uid)
	if g.of[m.gang].count(m, -1); g.of[m.gang].pods == 0 {
		delete(g.of, m.gang)
	}
}

func (g *gang) count(m member, n int) {
	g.pods += n
	if m.placed {
		g.placed += n
	}
	if g.sizes[m.size] += n; g.sizes[m.size] == 0 {
		delete(g.sizes, m.size)
	}
}

// placed is how many pods of a gang have a node.
func (g *gangs) placed(key string) int {
	if gang := g.of[key]; gang != nil {
		return gang.placed
	}
	return 0
}

// with is how many pods a gang has with that one, of which nothing may have been heard yet, and whether all
// have the same size.
func (g *gangs) with(uid, key, size string) (pods int, agree bool) {
	gang := g.of[key]
	if gang == nil {
		return 1, true
	}
	if m := g.members[uid]; m.gang == key {
		return gang.pods, len(gang.sizes) == 1
	}
	return gang.pods + 1, len(gang.sizes) == 1 && gang.sizes[size] > 0
}
