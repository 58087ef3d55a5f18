// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
)

// BenchmarkSync reports the median time of the Sync at the start of a cycle, after some of the
// nodes got or lost a pod.
func BenchmarkSync(b *testing.B) {
	for _, nodes := range []int{500, 5000, 50000} {
		for _, changed := range []int{1, 50, 5000} {
			if changed > nodes {
				continue
			}
			b.Run(fmt.Sprintf("nodes=%d/changed=%d", nodes, changed), func(b *testing.B) {
				benchmarkSync(b, nodes, changed)
			})
		}
	}
}

func benchmarkSync(b *testing.B, nodes, changed int) {
	s, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	s.Require(abi.NodeLabels)
	list := benchNodes(nodes)
	if err := s.Sync(list, true); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for round := 0; b.Loop(); round++ {
		change(b, list, changed, round)
		begin := time.Now()
		if err := s.Sync(list, true); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
		if s.Changed() != changed {
			b.Fatalf("encoded %d nodes, want %d", s.Changed(), changed)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "us/sync")
}

func benchNodes(n int) []fwk.NodeInfo {
	list := make([]fwk.NodeInfo, n)
	for i := range list {
		name := fmt.Sprintf("node-%05d", i)
		info := framework.NewNodeInfo()
		info.SetNode(st.MakeNode().Name(name).
			Label(v1.LabelHostname, name).
			Label(v1.LabelTopologyZone, fmt.Sprintf("zone-%d", i%3)).
			Label(v1.LabelTopologyRegion, "region").
			Label(v1.LabelInstanceTypeStable, "size-1").Obj())
		list[i] = info
	}
	return list
}

// change adds a pod to nodes all over the list, or removes it in every other round.
func change(b *testing.B, list []fwk.NodeInfo, changed, round int) {
	b.Helper()
	step := len(list) / changed
	for i := range changed {
		at := (i*step + round/2) % len(list)
		info := list[at].(*framework.NodeInfo)
		pod := st.MakePod().Name("pod").UID(info.Node().Name).Req(map[v1.ResourceName]string{v1.ResourceCPU: "1"}).Obj()
		if round%2 == 0 {
			info.AddPod(pod)
			continue
		}
		if err := info.RemovePod(klog.Background(), pod); err != nil {
			b.Fatal(err)
		}
	}
}
