// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"encoding/json"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// seenEvent is an event as a guest sees it.
type seenEvent struct {
	Source, Action, Kind uint32
	Old, New             map[string]string
}

// reader reads what is in SpaceScratch.
type reader []byte

func at[T any](r reader, pos uint32) *T { return (*T)(unsafe.Pointer(&r[pos])) }

func (r reader) pos(off uint32) uint32 {
	if off>>abi.SpaceShift != abi.SpaceScratch {
		panic("offset into another space")
	}
	return (off & abi.OffsetMask) * abi.WordSize
}

func (r reader) str(s abi.Str) string {
	if s.Len == 0 {
		return ""
	}
	pos := r.pos(s.Off)
	return string(r[pos : pos+s.Len])
}

func (r reader) labels(into map[string]string, l abi.List) map[string]string {
	for i := range l.Count {
		label := at[abi.Label](r, r.pos(l.Off)+i*uint32(unsafe.Sizeof(abi.Label{})))
		into["label "+r.str(label.Key)] = r.str(label.Value)
	}
	return into
}

// record is some of the fields of a record.
func (r reader) record(kind, off uint32) map[string]string {
	if off == 0 {
		return nil
	}
	switch pos := r.pos(off); kind {
	case abi.EventOfPod:
		rec := at[abi.PodRecord](r, pos)
		return r.labels(map[string]string{"name": r.str(rec.Name), "node": r.str(rec.NodeName)}, rec.Labels)
	case abi.EventOfNode:
		rec := at[abi.NodeRecord](r, pos)
		out := map[string]string{"name": r.str(rec.Name), "zone": r.str(rec.Zone)}
		for i := range rec.Taints.Count {
			taint := at[abi.Taint](r, r.pos(rec.Taints.Off)+i*uint32(unsafe.Sizeof(abi.Taint{})))
			out["taint "+r.str(taint.Key)] = r.str(taint.Value)
		}
		return r.labels(out, rec.Labels)
	default:
		rec := at[abi.Object](r, pos)
		out := map[string]string{"namespace": r.str(rec.Namespace), "name": r.str(rec.Name), "uid": r.str(rec.UID)}
		var fields map[string]any
		if err := json.Unmarshal([]byte(r.str(rec.JSON)), &fields); err != nil {
			out["JSON"] = err.Error()
		} else {
			out["kind"], out["apiVersion"] = fields["kind"].(string), fields["apiVersion"].(string)
		}
		if _, ok := fields["metadata"].(map[string]any)["managedFields"]; ok {
			out["managedFields"] = "yes"
		}
		return r.labels(out, rec.Labels)
	}
}

func seen(b guest.Batch) seenEvent {
	r := reader(b.ScratchData)
	e := at[abi.Event](r, b.Event)
	return seenEvent{e.Source, e.Action, e.Kind, r.record(e.Kind, e.Old), r.record(e.Kind, e.New)}
}

func TestEventsAsGuestsSeeThem(t *testing.T) {
	store, err := snapshot.New(snapshot.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	claim := func(class string) *v1.PersistentVolumeClaim {
		return &v1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "claim", UID: "u", Labels: map[string]string{"class": class},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
		}}
	}
	seenClaim := func(class string) map[string]string {
		return map[string]string{"namespace": "ns", "name": "claim", "uid": "u", "label class": class, "kind": "PersistentVolumeClaim", "apiVersion": "v1"}
	}
	node := func(zone string) *v1.Node {
		return st.MakeNode().Name("n").Label(v1.LabelTopologyZone, zone).Taints([]v1.Taint{{Key: "k", Value: "v"}}).Obj()
	}
	seenNode := func(zone string) map[string]string {
		return map[string]string{"name": "n", "zone": zone, "label " + v1.LabelTopologyZone: zone, "taint k": "v"}
	}
	for name, tc := range map[string]struct {
		old, updated any
		want         seenEvent
	}{
		"pod added": {nil, st.MakePod().Name("p").Label("a", "b").Obj(), seenEvent{
			Action: abi.ActionAdd, Kind: abi.EventOfPod, New: map[string]string{"name": "p", "node": "", "label a": "b"},
		}},
		"pod updated": {st.MakePod().Name("p").Obj(), st.MakePod().Name("p").Node("n").Obj(), seenEvent{
			Action: abi.ActionUpdate, Kind: abi.EventOfPod, Old: map[string]string{"name": "p", "node": ""}, New: map[string]string{"name": "p", "node": "n"},
		}},
		"pod deleted": {st.MakePod().Name("p").Node("n").Obj(), nil, seenEvent{
			Action: abi.ActionDelete, Kind: abi.EventOfPod, Old: map[string]string{"name": "p", "node": "n"},
		}},
		"node added":   {nil, node("a"), seenEvent{Action: abi.ActionAdd, Kind: abi.EventOfNode, New: seenNode("a")}},
		"node updated": {node("a"), node("b"), seenEvent{Action: abi.ActionUpdate, Kind: abi.EventOfNode, Old: seenNode("a"), New: seenNode("b")}},
		"node deleted": {node("a"), nil, seenEvent{Action: abi.ActionDelete, Kind: abi.EventOfNode, Old: seenNode("a")}},
		"object updated": {claim("x"), claim("y"), seenEvent{
			Action: abi.ActionUpdate, Kind: abi.EventOfObject, Old: seenClaim("x"), New: seenClaim("y"),
		}},
		"object of a group": {nil, &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "sc"}}, seenEvent{
			Action: abi.ActionAdd, Kind: abi.EventOfObject,
			New: map[string]string{"namespace": "", "name": "sc", "uid": "", "kind": "StorageClass", "apiVersion": "storage.k8s.io/v1"},
		}},
		"missed deletion": {cache.DeletedFinalStateUnknown{Obj: claim("x")}, nil, seenEvent{
			Action: abi.ActionDelete, Kind: abi.EventOfObject, Old: seenClaim("x"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			old, updated := objectOf(tc.old), objectOf(tc.updated)
			b, err := encodeEvent(snapshot.NewDetached(store, abi.KnownParts), abi.Event{Source: 3, Action: actionOf(old, updated)}, old, updated)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want.Source = 3; tc.want.Kind == abi.EventOfObject {
				tc.want.Source = abi.Absent
			}
			if diff := cmp.Diff(tc.want, seen(b)); diff != "" {
				t.Errorf("event (-want,+got):\n%s", diff)
			}
		})
	}
}

// What cannot be shown to a guest is not: the pod is tried again.
func TestEventsWithoutObjects(t *testing.T) {
	large := &v1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"a": string(make([]byte, maxObject))}}}
	for name, o := range map[string]any{"none": nil, "not an object": 7, "lost": cache.DeletedFinalStateUnknown{}, "large": large} {
		t.Run(name, func(t *testing.T) {
			store, err := snapshot.New(snapshot.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = store.Close() }()
			if _, err := encodeEvent(snapshot.NewDetached(store, 0), abi.Event{}, nil, objectOf(o)); err == nil {
				t.Error("no error")
			}
		})
	}
}
