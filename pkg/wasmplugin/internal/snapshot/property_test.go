// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

const allParts = abi.KnownParts

// follower checks after each Sync that the store says what the API objects say, and that what
// guests may remember between two calls still holds.
type follower struct {
	*world
	store  *snapshot.Store
	reader *reader
	parts  abi.Parts

	epoch   uint64
	slots   map[string]uint32 // by node name
	gens    map[string]int64  // by node name
	offsets map[resident]uint32
}

// resident is a string that has one offset in its space for an epoch.
type resident struct {
	space uint32
	text  string
}

func newFollower(tb testing.TB, seed uint64, opts snapshot.Options) *follower {
	tb.Helper()
	return &follower{
		world: newWorld(tb, seed), store: newStore(tb, opts), reader: newReader(tb),
		slots: map[string]uint32{}, gens: map[string]int64{},
	}
}

func newStore(tb testing.TB, opts snapshot.Options) *snapshot.Store {
	tb.Helper()
	s, err := snapshot.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func (f *follower) require(parts abi.Parts) {
	f.parts |= parts
	f.store.Require(parts)
}

func TestStoreFollowsARandomCluster(t *testing.T) {
	for _, padding := range []int{0, 8, 40} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("padding %d seed %d", padding, seed), func(t *testing.T) {
				t.Parallel()
				f := newFollower(t, seed, snapshot.Options{Padding: padding})
				for range 150 {
					for range f.rand.IntN(6) {
						f.step()
					}
					if f.rand.IntN(15) == 0 {
						f.require(1 << f.rand.IntN(bits.Len64(uint64(allParts))) & allParts)
					}
					f.follow()
					if t.Failed() {
						return
					}
				}
			})
		}
	}
}

// follow syncs and checks everything.
func (f *follower) follow() {
	f.Helper()
	list := f.list()
	f.must(f.store.Sync(list, true))
	f.reader.sync(f.store)
	f.checkChanged(list)
	f.checkSlots(list)
	for i, info := range list {
		f.checkNode(i, info)
		f.checkOffsets(f.store.Slots()[i])
	}
	if len(list) > 0 {
		f.checkAltered(list[f.rand.IntN(len(list))])
	}
}

// checkChanged sees to it that what did not change is not encoded again.
func (f *follower) checkChanged(list []fwk.NodeInfo) {
	f.Helper()
	want := 0
	gens := map[string]int64{}
	for _, info := range list {
		name := info.Node().Name
		if f.epoch != f.store.Epoch() || f.gens[name] != info.GetGeneration() {
			want++
		}
		gens[name] = info.GetGeneration()
	}
	f.gens = gens
	if f.epoch != f.store.Epoch() {
		f.epoch, f.offsets = f.store.Epoch(), map[resident]uint32{}
	}
	if got := f.store.Changed(); got != want {
		f.Errorf("Changed = %d, want %d", got, want)
	}
}

// checkSlots sees to it that a node keeps its slot and that no other slot is valid.
func (f *follower) checkSlots(list []fwk.NodeInfo) {
	f.Helper()
	if f.store.Len() != len(list) || len(f.store.Slots()) != len(list) {
		f.Fatalf("Len = %d, len(Slots) = %d, want %d", f.store.Len(), len(f.store.Slots()), len(list))
	}
	slots := map[string]uint32{}
	for i, info := range list {
		name, at := info.Node().Name, f.store.Slots()[i]
		if old, had := f.slots[name]; had && old != at {
			f.Errorf("node %s moved from slot %d to %d", name, old, at)
		}
		slots[name] = at
		if got, ok := f.store.NameAt(at); got != name || !ok {
			f.Errorf("NameAt(%d) = %q, %t, want %q", at, got, ok, name)
		}
		if got, ok := f.store.PositionOf(name); got != i || !ok {
			f.Errorf("PositionOf(%q) = %d, %t, want %d", name, got, ok, i)
		}
	}
	f.checkFree(slots)
	f.slots = slots
}

func (f *follower) checkFree(slots map[string]uint32) {
	f.Helper()
	taken := map[uint32]bool{}
	for _, at := range slots {
		taken[at] = true
	}
	if len(taken) != len(slots) {
		f.Errorf("%d nodes share %d slots", len(slots), len(taken))
	}
	for at := range uint32(f.store.SlotCount()) {
		if valid := f.reader.node(at).Flags&abi.NodeValid != 0; valid != taken[at] {
			f.Errorf("slot %d: valid is %t, want %t", at, valid, taken[at])
		}
		if _, ok := f.store.NameAt(at); ok != taken[at] {
			f.Errorf("NameAt(%d) knows a name: %t, want %t", at, ok, taken[at])
		}
	}
	for name := range f.slots {
		if _, ok := f.store.PositionOf(name); ok && f.nodes[name] == nil {
			f.Errorf("PositionOf(%q) finds a deleted node", name)
		}
	}
}

// checkNode compares a record with the objects, and finds the node by itself and by a copy.
func (f *follower) checkNode(i int, info fwk.NodeInfo) {
	f.Helper()
	name := info.Node().Name
	want := wantNode(f.nodes[name], f.podsOn(name), info.GetImageStates(), f.parts)
	if diff := cmp.Diff(want, f.reader.decodeNode(f.store.Slots()[i]), cmpopts.EquateEmpty()); diff != "" {
		f.Errorf("node %s (-want,+got):\n%s", name, diff)
	}
	for what, same := range map[string]fwk.NodeInfo{"node": info, "copy": info.Snapshot()} {
		if got, ok := f.store.Position(same); got != i || !ok {
			f.Errorf("Position(%s of %s) = %d, %t, want %d, true", what, name, got, ok, i)
		}
	}
}

// checkOffsets sees to it that while the epoch stays, equal strings have equal offsets.
func (f *follower) checkOffsets(slot uint32) {
	f.Helper()
	rec := f.reader.node(slot)
	f.checkOffset(rec.Zone)
	frozen(f.reader, rec.Labels, func(v abi.Label) bool { return f.checkOffset(v.Key) && f.checkOffset(v.Value) })
	frozen(f.reader, rec.Annotations, func(v abi.Label) bool { return f.checkOffset(v.Key) })
	growing(f.reader, rec.Taints, abi.RecordTaint, func(v abi.Taint) bool { return f.checkOffset(v.Key) && f.checkOffset(v.Value) })
	growing(f.reader, rec.Extended, abi.RecordExtended, func(v abi.Extended) bool { return f.checkOffset(v.Name) })
	growing(f.reader, rec.Pods, abi.RecordPodOnNode, func(v abi.PodOnNode) bool {
		frozen(f.reader, v.Labels, func(v abi.Label) bool { return f.checkOffset(v.Key) && f.checkOffset(v.Value) })
		return f.checkOffset(v.Namespace)
	})
}

func (f *follower) checkOffset(s abi.Str) bool {
	f.Helper()
	if s.Len == 0 {
		return true
	}
	key := resident{s.Off >> abi.SpaceShift, f.reader.str(s)}
	if old, had := f.offsets[key]; had && old != s.Off {
		f.Errorf("string %q moved from %#x to %#x within an epoch", key.text, old, s.Off)
		return false
	}
	f.offsets[key] = s.Off
	return true
}

// checkAltered sees to it that a changed copy, as preemption makes, is not taken for the node
// and reads as what it is in a scratch.
func (f *follower) checkAltered(info fwk.NodeInfo) {
	f.Helper()
	name := info.Node().Name
	pods := f.podsOn(name)
	node := f.nodes[name]
	clone := info.Snapshot()
	switch {
	case f.rand.IntN(4) == 0:
		node = node.DeepCopy()
		node.Labels, node.Annotations, node.Spec.Taints = f.strings("label", 6), f.strings("note", 5), f.taints()
		clone.(*framework.NodeInfo).SetNode(node)
	case f.rand.IntN(2) == 0 || len(pods) == 0:
		pod := f.newPod(name)
		podInfo, err := framework.NewPodInfo(pod)
		f.must(err)
		clone.AddPodInfo(podInfo)
		pods = append(pods, pod)
	default:
		gone := f.rand.IntN(len(pods))
		f.must(clone.RemovePod(klog.Background(), pods[gone]))
		pods = slices.Delete(pods, gone, gone+1)
	}
	if _, ok := f.store.Position(clone); ok {
		f.Errorf("Position takes an altered copy of %s for the node", name)
	}
	scratch := snapshot.NewScratch(f.store, f.parts)
	scratch.AddName("only-a-name")
	slot := scratch.Add(clone)
	f.reader.useScratch(scratch)
	want := wantNode(node, pods, clone.GetImageStates(), f.parts)
	if diff := cmp.Diff(want, f.reader.decodeNode(slot), cmpopts.EquateEmpty()); diff != "" {
		f.Errorf("altered copy of %s (-want,+got):\n%s", name, diff)
	}
	if diff := cmp.Diff(nodeView{Name: "only-a-name"}, f.reader.decodeNode(0|abi.ScratchSlot)); diff != "" {
		f.Errorf("node by name (-want,+got):\n%s", diff)
	}
}
