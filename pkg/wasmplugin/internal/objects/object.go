// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Object is one version of a cluster object. It is shared by everybody who is told of it, so
// nobody may change it, maps and JSON included.
type Object struct {
	Namespace, Name, UID string
	// Generation and CreatedUnixNano are 0 if the object has none.
	Generation, CreatedUnixNano int64
	Labels, Annotations         map[string]string
	// JSON is the whole object but its managed fields.
	JSON []byte

	resourceVersion string
}

// Change is what happened to an object.
type Change struct {
	// Source is the index in the feed's sources.
	Source int
	// Action is abi.ActionAdd, abi.ActionUpdate or abi.ActionDelete.
	Action uint32
	// Object is as it is now or, of a deleted one, as it was last known.
	*Object
	// Old is the Object as it was before an update, for Handlers.Change only.
	Old *Object
}

// key names an object within its source.
type key struct{ namespace, name string }

func (k key) String() string {
	if k.namespace == "" {
		return k.name
	}
	return k.namespace + "/" + k.name
}

func keyOf(u *unstructured.Unstructured) key { return key{u.GetNamespace(), u.GetName()} }

func (o *Object) key() key { return key{o.Namespace, o.Name} }

// is tells whether u is this very version, without encoding it.
func (o *Object) is(u *unstructured.Unstructured) bool {
	return o.resourceVersion != "" && o.resourceVersion == u.GetResourceVersion() && o.UID == string(u.GetUID())
}

// encode makes an Object of u, which it leaves as it is: a client may share it. The JSON has at
// most limit bytes.
func encode(u *unstructured.Unstructured, limit int) (*Object, error) {
	raw, err := json.Marshal(withoutManagedFields(u.Object))
	if err != nil {
		return nil, fmt.Errorf("encoding it as JSON: %w", err)
	}
	if len(raw) > limit {
		return nil, fmt.Errorf("its JSON has %d bytes, more than %d", len(raw), limit)
	}
	o := &Object{
		Namespace: u.GetNamespace(), Name: u.GetName(), UID: string(u.GetUID()),
		Generation: u.GetGeneration(), Labels: u.GetLabels(), Annotations: u.GetAnnotations(),
		JSON: raw, resourceVersion: u.GetResourceVersion(),
	}
	if created := u.GetCreationTimestamp(); !created.IsZero() {
		o.CreatedUnixNano = created.UnixNano()
	}
	return o, nil
}

func withoutManagedFields(object map[string]any) map[string]any {
	metadata, ok := object["metadata"].(map[string]any)
	if _, managed := metadata["managedFields"]; !ok || !managed {
		return object
	}
	object, metadata = maps.Clone(object), maps.Clone(metadata)
	delete(metadata, "managedFields")
	object["metadata"] = metadata
	return object
}
