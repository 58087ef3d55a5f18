// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// Follow leaves records old, but never takes an old one for current; a node that was found to
// be old is current after the next Follow, and nothing else is encoded.
func TestFollowKnowsWhatIsOld(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			f := newFollower(t, seed, snapshot.Options{})
			f.require(allParts)
			noticed := map[string]bool{}
			for range 200 {
				for range f.rand.IntN(6) {
					f.step()
				}
				noticed = f.followSome(noticed)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// followSome follows and asks about some of the nodes. It takes and returns the nodes that were
// found to be old.
func (f *follower) followSome(noticed map[string]bool) map[string]bool {
	f.Helper()
	list := f.list()
	f.must(f.store.Follow(list, true))
	f.reader.sync(f.store)
	most := 0
	for _, info := range list {
		name := info.Node().Name
		if _, known := f.slots[name]; !known || noticed[name] || f.epoch != f.store.Epoch() {
			most++
		}
	}
	if got := f.store.Changed(); got > most {
		f.Errorf("Changed = %d, want at most %d: those that are new or were noticed", got, most)
	}
	f.epoch = f.store.Epoch()
	f.checkSlots(list)
	old := map[string]bool{}
	for i, info := range list {
		name := info.Node().Name
		if noticed[name] && !f.store.Current(i) {
			f.Errorf("node %s was noticed and is still old", name)
		}
		if f.rand.IntN(3) != 0 {
			continue
		}
		if _, ok := f.store.Position(info); !ok {
			old[name] = true
			continue
		}
		want := wantNode(f.nodes[name], f.podsOn(name), info.GetImageStates(), f.parts)
		if diff := cmp.Diff(want, f.reader.decodeNode(f.store.Slots()[i]), cmpopts.EquateEmpty()); diff != "" {
			f.Errorf("node %s is said to be current (-want,+got):\n%s", name, diff)
		}
	}
	return old
}
