// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package snapshot

import "github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"

// Object is a cluster object, or a change of one, as guests are told of it.
type Object struct {
	// Source and Action are those of abi.Object.
	Source, Action              uint32
	Namespace, Name, UID        string
	Generation, CreatedUnixNano int64
	Labels, Annotations         map[string]string
	JSON                        []byte
}

// AddObjects adds records that lie one behind the other and returns where the first is in Data.
func (c *Scratch) AddObjects(objects ...Object) uint32 {
	size := stride[abi.Object](&c.blob)
	at := c.blob.alloc(size * len(objects))
	for i := range objects {
		// The blob may move while a record is made.
		rec := c.object(&objects[i])
		put(&c.blob, offset(abi.SpaceScratch, position(at)+i*size), rec)
	}
	return uint32(position(at))
}

func (c *Scratch) object(o *Object) abi.Object {
	b := &c.blob
	return abi.Object{
		Source: o.Source, Action: o.Action,
		Namespace: b.str(o.Namespace), Name: b.str(o.Name), UID: b.str(o.UID),
		Generation: o.Generation, CreatedUnixNano: o.CreatedUnixNano,
		Labels: labelList(b, o.Labels), Annotations: labelList(b, o.Annotations),
		JSON: b.str(string(o.JSON)),
	}
}
