// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// testFields compares every field with what the API objects say.
func testFields(t *testing.T, s *suite) {
	objs := load[objects](t, "testdata/objects.yaml")
	s.cluster.Reset(objs.Nodes, objs.Running...)
	for _, tc := range fieldCases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			pod, got := podNamed(t, objs.Pending, tc.Pod), map[string]string{}
			for field, want := range tc.Want {
				a := begin(t, s.policy, asking(pod, "echo", field))
				got[field] = a.Filter(altered(t, objs, tc, a.Node(tc.Node)))
				tc.Want[field] = refused(want)
			}
			if diff := cmp.Diff(tc.Want, got); diff != "" {
				t.Errorf("fields (-want,+got):\n%s", diff)
			}
		})
	}
}

// fieldCases are the cases with what they have from others filled in.
func fieldCases(t *testing.T) []fieldCase {
	t.Helper()
	cases := load[[]fieldCase](t, "testdata/fields.yaml")
	named := map[string]fieldCase{}
	for i, tc := range cases {
		if base, ok := named[tc.Like]; ok {
			want := maps.Clone(base.Want)
			maps.Copy(want, tc.Want)
			cases[i].Pod, cases[i].Node, cases[i].Want = base.Pod, base.Node, want
		} else if tc.Like != "" {
			t.Fatalf("case %q is like %q, which does not come before it", tc.Name, tc.Like)
		}
		named[tc.Name] = cases[i]
	}
	return cases
}

// altered is the node, or a copy with other pods that only this call sees.
func altered(t *testing.T, objs objects, tc fieldCase, info fwk.NodeInfo) fwk.NodeInfo {
	t.Helper()
	if tc.Add {
		info = withPod(t, info, objs.Nominated)
	}
	if tc.Remove != "" {
		info = withoutPod(t, info, podNamed(t, objs.Running, tc.Remove))
	}
	return info
}

// withPod is a copy of a node with one more pod.
func withPod(t *testing.T, info fwk.NodeInfo, pod *v1.Pod) fwk.NodeInfo {
	t.Helper()
	added, err := framework.NewPodInfo(pod)
	if err != nil {
		t.Fatal(err)
	}
	c := info.Snapshot()
	c.AddPodInfo(added)
	return c
}

// withoutPod is a copy of a node with one pod less.
func withoutPod(t *testing.T, info fwk.NodeInfo, pod *v1.Pod) fwk.NodeInfo {
	t.Helper()
	c := info.Snapshot()
	if err := c.RemovePod(klog.Background(), pod); err != nil {
		t.Fatal(err)
	}
	return c
}

// refused is the status of a node that the guest refuses for a reason.
func refused(reason string) string {
	if reason == "" {
		return "Unschedulable"
	}
	return "Unschedulable: " + reason
}
