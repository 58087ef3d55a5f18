// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
)

// A space that is full fails the cycle, whatever is being stored when it fills up, and the next
// Sync starts over.
func TestAFullSpaceFailsOneSync(t *testing.T) {
	for name, pick := range map[string]func(*Store) *heap{
		"data":        func(s *Store) *heap { return s.data },
		"annotations": func(s *Store) *heap { return s.notes },
		"pods":        func(s *Store) *heap { return s.pods },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			s.Require(abi.KnownParts)
			info := busyNode(1)
			if err := s.Sync(list(info), true); err != nil {
				t.Fatal(err)
			}
			// The second node's lists fit where the first one's were; its strings do not.
			h := pick(s)
			h.used, h.rebuilt = arena.MaxSegment, arena.MaxSegment
			err = s.Sync(list(busyNode(2)), true)
			if diff := cmp.Diff(true, err != nil); diff != "" {
				t.Fatalf("Sync of a full space failed (-want,+got):\n%s", diff)
			}
			want := fmt.Sprintf("storing cluster state: growing segment to %d bytes: the limit is %d", arena.MaxSegment+arena.PageSize, arena.MaxSegment)
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("error (-want,+got):\n%s", diff)
			}
			if err := s.Sync(list(busyNode(3)), true); err != nil {
				t.Errorf("next Sync: %v", err)
			}
			if s.Changed() != 1 {
				t.Errorf("Changed = %d after a failed Sync, want 1", s.Changed())
			}
		})
	}
}

// Blocks are used again as lists come and go, so that heaps do not need to be rebuilt for it.
func TestBlocksAreUsedAgain(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	s.Require(abi.KnownParts)
	used := 0
	for i := range 50 {
		for _, n := range []int{1, 2, 3} {
			info := busyNode(n)
			for _, pod := range info.GetPods() {
				info.AddPodInfo(pod)
				if err := errors.Join(s.Sync(list(info), true), info.RemovePod(klog.Background(), pod.GetPod()), s.Sync(list(info), true)); err != nil {
					t.Fatal(err)
				}
			}
		}
		now := s.data.used + s.notes.used + s.pods.used
		if i > 0 && now != used {
			t.Fatalf("%d bytes are in use in round %d, %d before", now, i, used)
		}
		used = now
	}
}

func list(infos ...fwk.NodeInfo) []fwk.NodeInfo { return infos }

// busyNode has one of everything that takes space, with strings that no other n has.
func busyNode(n int) fwk.NodeInfo {
	text := map[string]string{fmt.Sprintf("key-%d", n): fmt.Sprintf("value-%d", n)}
	info := framework.NewNodeInfo(&v1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("pod-%d", n), UID: "uid", Namespace: fmt.Sprintf("namespace-%d", n), Labels: text},
		Spec: v1.PodSpec{Containers: []v1.Container{{
			Ports:     []v1.ContainerPort{{HostPort: int32(n)}},
			Resources: v1.ResourceRequirements{Requests: v1.ResourceList{"example.com/gpu": resource.MustParse("1")}},
		}}}})
	info.ImageStates = map[string]*fwk.ImageStateSummary{fmt.Sprintf("image-%d", n): {Size: 1}}
	info.SetNode(&v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node", Labels: text, Annotations: text},
		Spec:       v1.NodeSpec{Taints: []v1.Taint{{Key: fmt.Sprintf("taint-%d", n)}}},
		Status:     v1.NodeStatus{Conditions: []v1.NodeCondition{{Type: v1.NodeConditionType(fmt.Sprintf("Condition%d", n))}}},
	})
	return info
}
