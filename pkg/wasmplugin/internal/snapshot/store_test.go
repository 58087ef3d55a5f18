// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

func nodeInfo(name string, labels map[string]string) *framework.NodeInfo {
	info := framework.NewNodeInfo()
	info.SetNode(&v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	return info
}

func nodeInfos(names ...string) (list []fwk.NodeInfo) {
	for _, name := range names {
		list = append(list, nodeInfo(name, map[string]string{"name": name}))
	}
	return list
}

func sync(t *testing.T, s *snapshot.Store, list []fwk.NodeInfo) {
	t.Helper()
	if err := s.Sync(list, true); err != nil {
		t.Fatal(err)
	}
}

// names is the names of the records in list order.
func names(t *testing.T, s *snapshot.Store) (out []string) {
	t.Helper()
	r := newReader(t)
	r.sync(s)
	for _, at := range s.Slots() {
		out = append(out, r.decodeNode(at).Name)
	}
	return out
}

func TestListsOfEveryShape(t *testing.T) {
	abc := nodeInfos("a", "b", "c")
	a, b, c := abc[0], abc[1], abc[2]
	for name, tc := range map[string]struct {
		then      []fwk.NodeInfo
		want      []string
		wantSlots []uint32
		changed   int
	}{
		"the same slice":  {abc, []string{"a", "b", "c"}, []uint32{0, 1, 2}, 0},
		"another slice":   {slices.Clone(abc), []string{"a", "b", "c"}, []uint32{0, 1, 2}, 0},
		"another order":   {[]fwk.NodeInfo{c, a, b}, []string{"c", "a", "b"}, []uint32{2, 0, 1}, 0},
		"one gone":        {[]fwk.NodeInfo{a, c}, []string{"a", "c"}, []uint32{0, 2}, 0},
		"one more":        {append(nodeInfos("d"), abc...), []string{"d", "a", "b", "c"}, []uint32{3, 0, 1, 2}, 1},
		"one for another": {append(nodeInfos("d"), a, b), []string{"d", "a", "b"}, []uint32{3, 0, 1}, 1},
		"equal copies":    {[]fwk.NodeInfo{a.Snapshot(), b.Snapshot()}, []string{"a", "b"}, []uint32{0, 1}, 0},
		"re-created":      {append(nodeInfos("b"), a, c), []string{"b", "a", "c"}, []uint32{1, 0, 2}, 1},
		"empty":           {[]fwk.NodeInfo{}, nil, []uint32{}, 0},
		"nil":             {nil, nil, []uint32{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, snapshot.Options{})
			s.Require(abi.NodeLabels)
			sync(t, s, abc)
			sync(t, s, tc.then)
			if diff := cmp.Diff(tc.want, names(t, s)); diff != "" {
				t.Errorf("names (-want,+got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantSlots, s.Slots()); diff != "" {
				t.Errorf("slots (-want,+got):\n%s", diff)
			}
			if s.Changed() != tc.changed {
				t.Errorf("Changed = %d, want %d", s.Changed(), tc.changed)
			}
		})
	}
}

// A rebuild forgets the list, so that it must not take "no nodes" for "the same nodes".
func TestRebuildWithoutNodes(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	sync(t, s, nodeInfos("a"))
	s.Require(abi.NodeLabels)
	sync(t, s, nil)
	if s.Len() != 0 || len(s.Slots()) != 0 {
		t.Errorf("Len = %d, len(Slots) = %d, want none", s.Len(), len(s.Slots()))
	}
	if _, ok := s.PositionOf("a"); ok {
		t.Error("PositionOf finds a node that is gone")
	}
}

func TestFreeSlotsAreUsedAgain(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	sync(t, s, nodeInfos("a", "b", "c"))
	sync(t, s, nodeInfos("b"))
	sync(t, s, nodeInfos("b", "d", "e"))
	if s.SlotCount() != 3 {
		t.Errorf("SlotCount = %d, want 3", s.SlotCount())
	}
}

// In pod-group cycles a NodeInfo changes in place and keeps its generation.
func TestUnsettledNodesAreEncodedAgain(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	list := nodeInfos("a", "b")
	if err := s.Sync(list, false); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Position(list[0]); ok {
		t.Error("Position trusts a generation that is not settled")
	}
	for _, want := range []int{2, 0} {
		sync(t, s, list)
		if s.Changed() != want {
			t.Errorf("Changed = %d, want %d", s.Changed(), want)
		}
	}
	if at, ok := s.Position(list[1]); at != 1 || !ok {
		t.Errorf("Position = %d, %t, want 1, true", at, ok)
	}
}

func TestPositionOfTheUnknown(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	sync(t, s, nodeInfos("a", "gone"))
	sync(t, s, nodeInfos("a"))
	for name, info := range map[string]fwk.NodeInfo{
		"never seen":         nodeInfo("b", nil),
		"gone":               nodeInfo("gone", nil),
		"same name":          nodeInfo("a", nil),
		"without its object": framework.NewNodeInfo(),
	} {
		if at, ok := s.Position(info); ok {
			t.Errorf("%s: Position = %d, true", name, at)
		}
	}
}

func TestNodesWithoutObject(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	s.Require(allParts)
	ghost := framework.NewNodeInfo()
	sync(t, s, []fwk.NodeInfo{nodeInfo("a", nil), ghost})
	if diff := cmp.Diff([]string{"a", ""}, names(t, s)); diff != "" {
		t.Errorf("names (-want,+got):\n%s", diff)
	}
	scratch := snapshot.NewScratch(s, allParts)
	r := newReader(t)
	slot := scratch.Add(ghost)
	r.useScratch(scratch)
	r.strides = s.Strides()
	if diff := cmp.Diff(abi.NodeRecord{}, r.node(slot)); diff != "" {
		t.Errorf("record (-want,+got):\n%s", diff)
	}
}

func TestLegacyZoneLabels(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	sync(t, s, []fwk.NodeInfo{
		nodeInfo("old", map[string]string{v1.LabelFailureDomainBetaZone: "z", v1.LabelFailureDomainBetaRegion: "r"}),
		nodeInfo("both", map[string]string{v1.LabelFailureDomainBetaZone: "z", v1.LabelTopologyZone: "new"}),
	})
	r := newReader(t)
	r.sync(s)
	for i, want := range [][2]string{{"z", "r"}, {"new", ""}} {
		got := r.decodeNode(s.Slots()[i])
		if diff := cmp.Diff(want, [2]string{got.Zone, got.Region}); diff != "" {
			t.Errorf("zone and region (-want,+got):\n%s", diff)
		}
	}
}

func TestEpochChangesWhenStringsMove(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	list := nodeInfos("a", "b")
	for _, step := range []struct {
		what string
		do   func()
		want uint64
	}{
		{"nothing", func() {}, 0},
		{"a part", func() { s.Require(abi.NodeLabels) }, 1},
		{"the same part", func() { s.Require(abi.NodeLabels) }, 0},
		{"another node", func() { list = append(nodeInfos("c"), list...) }, 0},
		{"one more part", func() { s.Require(abi.NodeTaints) }, 1},
		{"a node less", func() { list = list[:1] }, 0},
	} {
		before := s.Epoch()
		step.do()
		sync(t, s, list)
		if got := s.Epoch() - before; got != step.want {
			t.Errorf("%s: epoch went up by %d, want %d", step.what, got, step.want)
		}
	}
}

func TestOnlyDeclaredSpacesAreShown(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	for name, tc := range map[string]struct {
		reads abi.Parts
		want  []uint32
	}{
		"nothing":         {0, []uint32{abi.SpaceNodes, abi.SpaceData}},
		"labels":          {abi.NodeLabels, []uint32{abi.SpaceNodes, abi.SpaceData}},
		"annotations":     {abi.NodeAnnotations, []uint32{abi.SpaceNodes, abi.SpaceData, abi.SpaceAnnotations}},
		"pods":            {abi.NodePods, []uint32{abi.SpaceNodes, abi.SpaceData, abi.SpacePods}},
		"all":             {allParts, []uint32{abi.SpaceNodes, abi.SpaceData, abi.SpaceAnnotations, abi.SpacePods}},
		"pod annotations": {abi.PodAnnotations, []uint32{abi.SpaceNodes, abi.SpaceData}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []uint32
			for space, seg := range s.Spaces(tc.reads) {
				if seg != nil {
					got = append(got, uint32(space))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("spaces (-want,+got):\n%s", diff)
			}
		})
	}
}

func TestCloseWaitsForUsers(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	sync(t, s, nodeInfos("a"))
	if err := s.Acquire(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, names(t, s)); diff != "" {
		t.Errorf("names while in use (-want,+got):\n%s", diff)
	}
	for name, err := range map[string]error{"Acquire": s.Acquire(), "Sync": s.Sync(nil, true)} {
		if !errors.Is(err, snapshot.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
	if err := errors.Join(s.Release(), s.Close()); err != nil {
		t.Error(err)
	}
}

// Requiring, acquiring and closing may happen at any time.
func TestStoreIsSafeWhileItCloses(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	done := make(chan error)
	for part := range 4 {
		go func() {
			var err error
			for err == nil {
				s.Require(1 << part)
				if err = s.Acquire(); err == nil {
					err = s.Release()
				}
			}
			done <- err
		}()
	}
	for i := range 50 {
		sync(t, s, nodeInfos(fmt.Sprint(i)))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range 4 {
		if err := <-done; !errors.Is(err, snapshot.ErrClosed) {
			t.Errorf("worker ended with %v, want ErrClosed", err)
		}
	}
}
