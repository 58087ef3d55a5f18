// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"iter"
	"unsafe"

	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
)

// Names of the resources in Resources.
const (
	ResourceCPU              = "cpu"
	ResourceMemory           = "memory"
	ResourceEphemeralStorage = "ephemeral-storage"
)

// Quantities is amounts of resources: CPU in milli-cores, everything else in whole units.
type Quantities struct {
	v *view
	// base holds what every pod has; nil where all of it is in the list.
	base *abi.Resources
	list abi.List
}

// Get is the amount of a resource; 0 if there is none.
func (q Quantities) Get(name string) int64 {
	if q.base != nil {
		switch name {
		case ResourceCPU:
			return q.base.MilliCPU
		case ResourceMemory:
			return q.base.Memory
		case ResourceEphemeralStorage:
			return q.base.EphemeralStorage
		}
	}
	e := (*abi.Quantity)(q.v.find(q.list, q.v.stride(abi.RecordQuantity), name))
	if e == nil {
		return 0
	}
	return e.Value
}

// Resources is the amounts that every node has.
func (q Quantities) Resources() Resources {
	if q.base != nil {
		return Resources(*q.base)
	}
	return Resources{q.Get(ResourceCPU), q.Get(ResourceMemory), q.Get(ResourceEphemeralStorage)}
}

// All iterates over names and amounts, of those that are not 0.
func (q Quantities) All() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		if q.base != nil && !yieldBase(q.base, yield) {
			return
		}
		for i := range q.list.Count {
			e := (*abi.Quantity)(unsafe.Add(q.v.at(q.list.Off), uintptr(i)*q.v.stride(abi.RecordQuantity)))
			if e.Value != 0 && !yield(q.v.str(e.Name), e.Value) {
				return
			}
		}
	}
}

func yieldBase(r *abi.Resources, yield func(string, int64) bool) bool {
	return (r.MilliCPU == 0 || yield(ResourceCPU, r.MilliCPU)) &&
		(r.Memory == 0 || yield(ResourceMemory, r.Memory)) &&
		(r.EphemeralStorage == 0 || yield(ResourceEphemeralStorage, r.EphemeralStorage))
}
