// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/ledger"
)

// follower lets a ledger follow a world through scheduling cycles, and compares its sums with a
// recount of all pods that the snapshot shows and those that are reserved besides.
type follower struct {
	*world
	ledger *ledger.Ledger
	snap   *cache.Snapshot
	// labels is the ways whose sums are complete; late was registered after the latest Sync.
	labels, late []string
	// reserved is the pods that were reserved since the snapshot was taken.
	reserved map[types.UID]*v1.Pod
	// requested is what a NodeInfo counts for each pod.
	requested map[*v1.Pod]fwk.Resource
}

func newFollower(tb testing.TB, seed uint64) *follower {
	return &follower{
		world: newWorld(tb, seed), ledger: ledger.New(), snap: cache.NewEmptySnapshot(),
		reserved: map[types.UID]*v1.Pod{}, requested: map[*v1.Pod]fwk.Resource{},
	}
}

func (f *follower) requestsOf(pod *v1.Pod) fwk.Resource {
	if f.requested[pod] == nil {
		f.requested[pod] = framework.NewNodeInfo(pod).GetRequested()
	}
	return f.requested[pod]
}

func (f *follower) want() usage {
	want, shown := usage{}, map[types.UID]bool{}
	for _, info := range f.list() {
		for _, p := range info.GetPods() {
			want.add(f.labels, p.GetPod(), f.requestsOf(p.GetPod()))
			shown[p.GetPod().UID] = true
		}
	}
	for uid, pod := range f.reserved {
		if !shown[uid] {
			want.add(f.labels, pod, f.requestsOf(pod))
		}
	}
	return want
}

func (f *follower) list() []fwk.NodeInfo {
	f.Helper()
	list, err := f.snap.NodeInfos().List()
	f.must(err)
	return list
}

func (f *follower) check(when string) {
	f.Helper()
	f.register()
	want := f.want()
	if diff := cmp.Diff(want, usageOf(f.ledger, f.labels)); diff != "" {
		f.Fatalf("usage after %s (-want,+got):\n%s", when, diff)
	}
	for a, resources := range want {
		for name, n := range resources {
			if got := f.ledger.Used(f.ledger.Account(a.label), a.name, name); got != n {
				f.Fatalf("Used(%v, %s) = %d, want %d", a, name, got, n)
			}
		}
	}
}

func (f *follower) sync() {
	f.Helper()
	f.ledger.Sync(f.shuffled(f.list()))
	f.labels, f.late = append(f.labels, f.late...), nil
	f.check("Sync")
}

// register adds a way to assign pods at any moment of a cycle.
func (f *follower) register() {
	all := []string{"", "team", "tier", "absent"}
	if n := len(f.labels) + len(f.late); n < len(all) && f.rand.IntN(20) == 0 {
		f.ledger.Account(all[n])
		f.late = append(f.late, all[n])
	}
}

// begin starts a cycle: the snapshot is taken, and has the last word on what was reserved.
func (f *follower) begin() {
	f.Helper()
	f.must(f.cache.UpdateSnapshot(klog.Background(), f.snap))
	clear(f.reserved)
	f.sync()
}

func TestLedgerFollowsARandomCluster(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			f := newFollower(t, seed)
			for range 60 {
				f.cycle()
			}
			f.end()
		})
	}
}

// cycle is a random scheduling cycle after random changes of the cluster.
func (f *follower) cycle() {
	for range f.rand.IntN(6) {
		f.change()
	}
	for range f.rand.IntN(3) {
		f.bindingEvent()
	}
	f.begin()
	if len(f.list()) == 0 {
		return
	}
	switch n := f.rand.IntN(10); {
	case n < 5:
		f.reserve(f.newPod(f.anyListed()))
		f.bindingEvent()
	case n < 9:
		f.groupCycle()
	default:
		f.groupPreemption()
	}
}

func (f *follower) anyListed() string {
	list := f.list()
	return list[f.rand.IntN(len(list))].Node().Name
}

// reserve is what the scheduler does with a node for a pod.
func (f *follower) reserve(pod *v1.Pod) {
	f.Helper()
	f.must(f.cache.AssumePod(klog.Background(), pod))
	f.assumed[pod.UID] = pod
	for range 1 + f.rand.IntN(2) {
		f.ledger.Reserve(pod, pod.Spec.NodeName)
	}
	f.reserved[pod.UID] = pod
	f.check("Reserve")
}

// bindingEvent is something that happens to a pod that is being bound.
func (f *follower) bindingEvent() {
	f.Helper()
	if len(f.assumed) == 0 {
		return
	}
	switch pod := f.any(f.assumed); f.rand.IntN(5) {
	case 0: // it takes longer
	case 1: // it is bound, and deleted before a snapshot shows it
		f.confirm(pod)
		f.deletePod(pod)
	case 2:
		f.confirm(pod)
	default:
		f.unreserve(pod)
		f.must(f.cache.ForgetPod(klog.Background(), pod))
		delete(f.assumed, pod.UID)
	}
}

func (f *follower) unreserve(pod *v1.Pod) {
	f.Helper()
	for range 1 + f.rand.IntN(2) {
		f.ledger.Unreserve(pod.UID, pod.Spec.NodeName)
	}
	delete(f.reserved, pod.UID)
	f.check("Unreserve")
}

// groupCycle simulates pods, undoes that, and then sometimes reserves them without another
// snapshot.
func (f *follower) groupCycle() {
	f.Helper()
	labels := f.labels
	before := usageOf(f.ledger, labels)
	pods := f.simulate()
	if diff := cmp.Diff(before, usageOf(f.ledger, labels)); diff != "" {
		f.Fatalf("usage after a simulation (-before,+after):\n%s", diff)
	}
	if f.rand.IntN(2) == 0 {
		f.sync()
	}
	for range f.rand.IntN(3) {
		f.simulate()
	}
	if f.rand.IntN(2) == 0 {
		return
	}
	for _, pod := range pods {
		f.reserve(pod)
		if f.rand.IntN(4) == 0 {
			f.bindingEvent()
		}
	}
}

// simulate assumes pods in the snapshot, where generations stay what they were, and undoes it.
func (f *follower) simulate() (pods []*v1.Pod) {
	f.Helper()
	for range 1 + f.rand.IntN(5) {
		if f.rand.IntN(5) > 0 {
			f.sync()
		}
		pod := f.newPod(f.anyListed())
		info, err := framework.NewPodInfo(pod)
		f.must(err)
		f.must(f.snap.AssumePod(info))
		f.ledger.Reserve(pod, pod.Spec.NodeName)
		f.reserved[pod.UID] = pod
		f.check("Reserve in a simulation")
		pods = append(pods, pod)
	}
	for i := range pods {
		pod := pods[len(pods)-1-i]
		f.ledger.Unreserve(pod.UID, pod.Spec.NodeName)
		delete(f.reserved, pod.UID)
		f.must(f.snap.ForgetPod(klog.Background(), pod))
		f.check("ForgetPod in a simulation")
		if f.rand.IntN(4) == 0 {
			f.sync()
		}
	}
	return pods
}

// groupPreemption simulates in a copy of the snapshot that lost some pods.
func (f *follower) groupPreemption() {
	f.Helper()
	f.must(f.snap.StartMutations())
	f.sync()
	for _, info := range f.list() {
		if pods := info.GetPods(); len(pods) > 0 && f.rand.IntN(2) == 0 {
			f.must(info.RemovePod(klog.Background(), pods[0].GetPod()))
		}
	}
	f.sync()
	f.simulate()
	f.must(f.snap.EndMutations())
	f.sync()
}

// end empties the cluster, after which the ledger must have forgotten everything.
func (f *follower) end() {
	f.Helper()
	if f.rand.IntN(2) == 0 && len(f.list()) > 0 {
		f.reserve(f.newPod(f.anyListed()))
	}
	for name := range f.nodes {
		f.deleteNode(name)
	}
	f.begin()
	if accounts, reservations := f.ledger.Kept(); accounts+reservations > 0 {
		f.Errorf("an empty cluster leaves %d accounts and %d reservations", accounts, reservations)
	}
}
