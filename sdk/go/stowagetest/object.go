// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowagetest

import (
	"encoding/json"
	"maps"
	"time"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Object is a cluster object that the policy declared in Needs.Objects. Its methods change it and
// return it.
type Object struct {
	source               int
	namespace, name, uid string
	generation           int64
	created              time.Time
	labels, annotations  map[string]string
	fields               map[string]any
}

// MakeObject makes an object of Needs.Objects[source], in no namespace.
func MakeObject(source int, name string) *Object {
	return &Object{
		source: source, name: name, uid: "uid-" + name, generation: 1, created: time.Unix(0, 0),
		labels: map[string]string{}, annotations: map[string]string{}, fields: map[string]any{},
	}
}

// Namespace sets the namespace.
func (o *Object) Namespace(namespace string) *Object { o.namespace = namespace; return o }

// UID sets the UID.
func (o *Object) UID(uid string) *Object { o.uid = uid; return o }

// Generation sets the generation.
func (o *Object) Generation(n int64) *Object { o.generation = n; return o }

// Created sets the creation time.
func (o *Object) Created(t time.Time) *Object { o.created = t; return o }

// Label sets a label.
func (o *Object) Label(key, value string) *Object { o.labels[key] = value; return o }

// Annotation sets an annotation.
func (o *Object) Annotation(key, value string) *Object { o.annotations[key] = value; return o }

// Field sets a field of the object beside metadata, such as "spec" or "data", to what encoding/json
// can write.
func (o *Object) Field(name string, value any) *Object { o.fields[name] = value; return o }

// json is the whole object.
func (o *Object) json() string {
	metadata := map[string]any{"name": o.name, "uid": o.uid, "generation": o.generation, "creationTimestamp": o.created.UTC().Format(time.RFC3339)}
	for key, value := range map[string]map[string]string{"labels": o.labels, "annotations": o.annotations} {
		if len(value) > 0 {
			metadata[key] = value
		}
	}
	if o.namespace != "" {
		metadata["namespace"] = o.namespace
	}
	whole := map[string]any{"metadata": metadata}
	maps.Copy(whole, o.fields)
	b, err := json.Marshal(whole)
	if err != nil {
		panic("stowagetest: object " + o.name + ": " + err.Error())
	}
	return string(b)
}

func (o *Object) encode(s *space, action stowage.Action) abi.Object {
	return abi.Object{
		Source:          uint32(o.source),
		Action:          uint32(action),
		Namespace:       s.str(o.namespace),
		Name:            s.str(o.name),
		UID:             s.str(o.uid),
		Generation:      o.generation,
		CreatedUnixNano: o.created.UnixNano(),
		Labels:          s.labels(o.labels),
		Annotations:     s.labels(o.annotations),
		JSON:            s.str(o.json()),
	}
}

// ApplyObjects adds objects, or replaces those of the same source, namespace and name. The policy hears
// of it if it has ObjectChanged, and stowage.FindObject finds them.
func (h *Harness) ApplyObjects(objects ...*Object) {
	h.t.Helper()
	h.changeObjects(objects, func(known bool) stowage.Action {
		if known {
			return stowage.ActionUpdate
		}
		return stowage.ActionAdd
	})
	for _, o := range objects {
		h.host.cluster.objects[o.key()] = o
	}
}

// DeleteObjects deletes objects.
func (h *Harness) DeleteObjects(objects ...*Object) {
	h.t.Helper()
	for _, o := range objects {
		delete(h.host.cluster.objects, o.key())
	}
	h.changeObjects(objects, func(bool) stowage.Action { return stowage.ActionDelete })
}

func (o *Object) key() objectKey { return objectKey{o.source, o.namespace, o.name} }

// changeObjects tells the policy, of all changes in one call.
func (h *Harness) changeObjects(objects []*Object, action func(known bool) stowage.Action) {
	h.t.Helper()
	h.ready()
	for _, o := range objects {
		if o.source >= len(h.host.needs.Objects) {
			h.t.Errorf("object %s is of source %d, which the policy's Needs.Objects does not have", o.name, o.source)
		}
	}
	if h.driver.Points()&abi.PointObjects == 0 {
		return
	}
	s := h.snapshot(nil, nil)
	changes := list(s.spaces[abi.SpaceScratch], objects, func(sp *space, o *Object) abi.Object {
		_, known := h.host.cluster.objects[o.key()]
		return o.encode(sp, action(known))
	})
	call := s.apart(h.cycle, nil)
	call.Objects, call.ObjectCount = s.address(changes.Off), changes.Count
	h.driver.Run(abi.PointObjects, call)
}
