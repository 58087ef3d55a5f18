// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// bytesOf is how much the store's segments hold.
func bytesOf(s *snapshot.Store) (n int) {
	for _, seg := range s.Spaces(allParts) {
		if seg != nil {
			n += seg.Size()
		}
	}
	return n
}

// Every kind of change leaves garbage: strings that nobody has any more, blocks of sizes that
// are no longer in use. None of it may add up.
func TestGarbageIsBounded(t *testing.T) {
	const nodes, rounds = 50, 1200
	for name, change := range map[string]func(n *v1.Node, i int){
		"labels":      func(n *v1.Node, i int) { n.Labels = map[string]string{"release": unique(i)} },
		"label keys":  func(n *v1.Node, i int) { n.Labels = map[string]string{unique(i): "x"} },
		"taints":      func(n *v1.Node, i int) { n.Spec.Taints = []v1.Taint{{Key: "at", Value: unique(i)}} },
		"annotations": func(n *v1.Node, i int) { n.Annotations = map[string]string{"state": strings.Repeat("s", i%5000)} },
		"note keys":   func(n *v1.Node, i int) { n.Annotations = map[string]string{unique(i): "x"} },
		"list sizes":  func(n *v1.Node, i int) { n.Labels = manyLabels(i % 60) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, snapshot.Options{})
			s.Require(allParts)
			list := nodeInfos(manyNames(nodes)...)
			epoch := s.Epoch()
			for i := range rounds {
				info := list[i%nodes].(*framework.NodeInfo)
				node := info.Node().DeepCopy()
				change(node, i)
				info.SetNode(node)
				sync(t, s, list)
			}
			if got := bytesOf(s); got > 8<<20 {
				t.Errorf("%d bytes after %d changes of %d nodes (%d rebuilds)", got, rounds, nodes, s.Epoch()-epoch)
			}
		})
	}
}

// unique is a string of 4 KiB that only i has.
func unique(i int) string { return fmt.Sprintf("%04096d", i) }

func manyLabels(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprint(i)] = "x"
	}
	return m
}

func manyNames(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("node-%06d", i))
	}
	return names
}

// Pods that come and go have new names and UIDs each time.
func TestPodChurnIsBounded(t *testing.T) {
	f := newFollower(t, 1, snapshot.Options{})
	f.require(allParts)
	f.addNode("node")
	for range 3000 {
		if len(f.pods) >= 30 {
			f.removePod(f.anyPod())
		}
		f.addPod(f.newPod("node"))
		f.must(f.store.Sync(f.list(), true))
	}
	f.reader.sync(f.store)
	f.checkNode(0, f.list()[0])
	if got := bytesOf(f.store); got > 8<<20 {
		t.Errorf("%d bytes for 30 pods", got)
	}
}

// A compaction must leave records that read as before, under a new epoch.
func TestCompaction(t *testing.T) {
	s := newStore(t, snapshot.Options{})
	s.Require(allParts)
	list := nodeInfos("churns", "stays")
	sync(t, s, list)
	epoch := s.Epoch()
	for i := 0; s.Epoch() == epoch; i++ {
		if i == 1000 {
			t.Fatal("no compaction after 4 MiB of garbage")
		}
		list[0].(*framework.NodeInfo).SetNode(&v1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: "churns", Labels: map[string]string{"release": unique(i)}}})
		sync(t, s, list)
	}
	r := newReader(t)
	r.sync(s)
	for i, info := range list {
		want := wantNode(info.Node(), nil, nil, allParts)
		if diff := cmp.Diff(want, r.decodeNode(s.Slots()[i]), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("node %d (-want,+got):\n%s", i, diff)
		}
	}
	if s.Changed() != 2 {
		t.Errorf("Changed = %d after a compaction, want 2", s.Changed())
	}
}

func TestHundredThousandNodes(t *testing.T) {
	const nodes = 100_000
	s := newStore(t, snapshot.Options{})
	s.Require(abi.NodeLabels | abi.NodeTaints | abi.NodeExtended)
	list := make([]fwk.NodeInfo, nodes)
	for i, name := range manyNames(nodes) {
		list[i] = nodeInfo(name, map[string]string{"host": name, v1.LabelTopologyZone: fmt.Sprint(i % 3)})
	}
	start := time.Now()
	sync(t, s, list)
	t.Logf("first Sync of %d nodes: %v, %d bytes", nodes, time.Since(start), bytesOf(s))
	list[77_777].(*framework.NodeInfo).SetNode(&v1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-077777"}})
	start = time.Now()
	sync(t, s, list)
	t.Logf("second Sync, one changed: %v", time.Since(start))
	if s.Changed() != 1 {
		t.Errorf("Changed = %d, want 1", s.Changed())
	}
	r := newReader(t)
	r.sync(s)
	for i := 0; i < nodes; i += 77 {
		want := wantNode(list[i].Node(), nil, nil, abi.NodeLabels)
		if diff := cmp.Diff(want, r.decodeNode(s.Slots()[i]), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("node %d (-want,+got):\n%s", i, diff)
		}
	}
}
