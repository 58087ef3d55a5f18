// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// ObjectsPlugin hears of the cluster objects that Needs.Objects declares.
type ObjectsPlugin interface {
	// ObjectChanged is called for every such object before the instance's first call that could ask
	// about it, and again before the next call whenever one changes. An update may come for an object
	// that did not change, and what happened between two calls comes as one change. StartCycle runs
	// again afterwards.
	ObjectChanged(o *Object)
}

// Object is a cluster object, or a change of one. It is a view: it and its strings are valid during
// the call.
type Object struct {
	v   *view
	rec *abi.Object
}

// Source is the index in Needs.Objects.
func (o *Object) Source() int { return int(o.rec.Source) }

// Deleted reports whether the object is gone; what else it says is then what was known last.
func (o *Object) Deleted() bool { return o.rec.Action == abi.ActionDelete }

// Namespace of the object; "" if its kind has none.
func (o *Object) Namespace() string { return o.v.str(o.rec.Namespace) }

// Name of the object.
func (o *Object) Name() string { return o.v.str(o.rec.Name) }

// UID of the object.
func (o *Object) UID() string { return o.v.str(o.rec.UID) }

// Generation counts the changes of the object's spec, where its kind has that.
func (o *Object) Generation() int64 { return o.rec.Generation }

// CreatedUnixNano is when the object was created.
func (o *Object) CreatedUnixNano() int64 { return o.rec.CreatedUnixNano }

// Label looks a label up.
func (o *Object) Label(key string) (string, bool) { return o.Labels().Get(key) }

// Labels of the object.
func (o *Object) Labels() Labels { return Labels{o.v, o.rec.Labels} }

// Annotation looks an annotation up.
func (o *Object) Annotation(key string) (string, bool) { return o.Annotations().Get(key) }

// Annotations of the object.
func (o *Object) Annotations() Labels { return Labels{o.v, o.rec.Annotations} }

// JSON is the whole object but its managed fields. It must not be changed.
func (o *Object) JSON() []byte {
	s := o.v.str(o.rec.JSON)
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// FindObject looks up an object of Needs.Objects[source] and returns it as JSON, valid until the next
// FindObject; false if there is none. The policy needs the capability "objects:" with the resource;
// one that does not call it does not import it.
func FindObject(source int, namespace, name string) ([]byte, bool) {
	for {
		n := hostObject(uint32(source), namespace, name, unsafe.SliceData(objectRoom), uint32(len(objectRoom)))
		if n == abi.Absent {
			return nil, false
		}
		if int(n) <= len(objectRoom) {
			return objectRoom[:n:n], true
		}
		objectRoom = make([]byte, n+n/2)
	}
}

// objectRoom is where the host puts objects.
var objectRoom []byte
