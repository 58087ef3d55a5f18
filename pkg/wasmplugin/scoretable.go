// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

// scoreTable is scores by slot, in chunks so that a few hundred scored nodes of many
// thousands cost what they need.
type scoreTable []*scoreChunk

type scoreChunk struct {
	have   uint64
	scores [chunkSize]int64
}

func newScoreTable(slots int) scoreTable {
	return make(scoreTable, (slots+chunkSize-1)/chunkSize)
}

func (t scoreTable) set(slot uint32, score int64) {
	c := t[slot/chunkSize]
	if c == nil {
		c = &scoreChunk{}
		t[slot/chunkSize] = c
	}
	c.have |= 1 << (slot % chunkSize)
	c.scores[slot%chunkSize] = score
}

func (t scoreTable) get(slot uint32) (int64, bool) {
	c := t[slot/chunkSize]
	if c == nil || c.have>>(slot%chunkSize)&1 == 0 {
		return 0, false
	}
	return c.scores[slot%chunkSize], true
}
