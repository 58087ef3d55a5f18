// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// decodeRecord reads a node record that another record refers to.
func (r *reader) decodeRecord(off uint32) nodeView {
	r.Helper()
	rec := *(*abi.NodeRecord)(unsafe.Pointer(&r.bytes(off, int(unsafe.Sizeof(abi.NodeRecord{})))[0]))
	return nodeView{
		Name: r.str(rec.Name), Zone: r.str(rec.Zone), Region: r.str(rec.Region),
		Flags: rec.Flags, PodCount: rec.PodCount, MaxPods: rec.MaxPods,
		Allocatable: rec.Allocatable, Requested: rec.Requested, NonZero: rec.NonZero,
		Labels: r.labels(rec.Labels), Annotations: r.labels(rec.Annotations),
		Taints:     growing(r, rec.Taints, abi.RecordTaint, r.taint),
		Extended:   r.extended(rec.Extended),
		Conditions: growing(r, rec.Conditions, abi.RecordCondition, r.condition),
		Images:     growing(r, rec.Images, abi.RecordImage, r.image),
	}
}

// A node of an event is as one of the snapshot that has no pods.
func TestNodeOfAnEvent(t *testing.T) {
	node := st.MakeNode().Name("n").Label("a", "b").Label(v1.LabelTopologyZone, "z").Annotation("k", "v").
		Taints([]v1.Taint{{Key: "t", Value: "u", Effect: v1.TaintEffectNoSchedule}}).
		Condition(v1.NodeReady, v1.ConditionTrue, "", "").
		Images(map[string]int64{"image": 7}).
		Capacity(map[v1.ResourceName]string{"cpu": "4", "memory": "8Gi", "ephemeral-storage": "1Gi", "pods": "110", "example.com/gpu": "2"}).Obj()
	for name, parts := range map[string]abi.Parts{"all parts": allParts, "no parts": 0} {
		t.Run(name, func(t *testing.T) {
			s, err := snapshot.New(snapshot.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			c := snapshot.NewDetached(s, parts)
			off := c.AddNodeRecord(node)
			r := newReader(t)
			r.strides = s.Strides()
			r.useScratch(c)
			want := wantNode(node, nil, map[string]*fwk.ImageStateSummary{"image": {Size: 7}}, parts)
			if diff := cmp.Diff(want, r.decodeRecord(off)); diff != "" {
				t.Errorf("node (-want,+got):\n%s", diff)
			}
		})
	}
}
