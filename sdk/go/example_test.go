// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage_test

import (
	"fmt"
	"testing"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/stowagetest"
)

// spread is a policy that keeps an owner's pods on different nodes, and likes nodes with few pods.
type spread struct {
	owner string
	bound bool
}

const spreadReads = stowage.ReadPodOwners | stowage.ReadNodePods

// In a policy this is in init: stowage.Register(&spread{}, spreadReads). Its main is empty.

func (s *spread) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
	var owner stowage.Owner
	owner, s.bound = pod.Controller()
	s.owner = owner.Name
}

func (s *spread) Filter(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.Status {
	for p := range node.Pods() {
		if _, name := p.Controller(); s.bound && name == s.owner {
			return stowage.Unschedulable("has a pod of the same owner")
		}
	}
	return stowage.Success()
}

func (s *spread) Score(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) (int64, stowage.Status) {
	return stowage.MaxScore - min(int64(node.PodCount()), stowage.MaxScore), stowage.Success()
}

func Example() {
	t := &testing.T{} // a test has its own
	h := stowagetest.New(t, &spread{}, spreadReads)

	web := stowage.Owner{Kind: "ReplicaSet", Name: "web", Controller: true}
	fmt.Print(h.Report(
		stowagetest.MakePod("web-2").Owner(web),
		stowagetest.MakeNode("taken").Pods(stowagetest.MakePod("web-1").Owner(web)),
		stowagetest.MakeNode("busy").PodCount(30),
		stowagetest.MakeNode("idle"),
	))
	// Output:
	// taken: Unschedulable: has a pod of the same owner
	// busy: Success, score 70
	// idle: Success, score 100
}
