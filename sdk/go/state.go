// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "unsafe"

// PodChangesPlugin keeps a policy's state right while the scheduler wonders what it would be like with
// other pods on a node, or without some: in preemption, and for pods that are nominated. A policy whose
// PreFilter leaves a state that follows from the pods on nodes needs it.
type PodChangesPlugin interface {
	// AddPod returns the state as if the other pod were on the node too; nil leaves it as it is. The
	// node is as it would be with that pod.
	AddPod(c *Cycle, pod, other *Pod, node *Node) ([]byte, Status)
	// RemovePod returns the state as if the other pod were gone. The node is as it would be without it.
	RemovePod(c *Cycle, pod, other *Pod, node *Node) ([]byte, Status)
}

// SetState leaves a state for later calls about this pod, where Cycle.State has it; Cycle.State itself
// stays as it is during the call. PreFilter, AddPod, RemovePod, Reserve, Permit and PreBind may call it;
// elsewhere it panics. The bytes must stay as they are until the call returns.
func (c *Cycle) SetState(state []byte) {
	if !c.keeps {
		panic("stowage: SetState was called where no state is kept; PreFilter, AddPod, RemovePod, Reserve, Permit and PreBind may")
	}
	c.newState = present(state)
}

// EncodeState is a struct as a state, for StateOf. T must not contain pointers, strings, slices, maps,
// interfaces or functions, as those mean nothing in another instance: it panics if it does. The bytes
// are those of *v, not a copy.
func EncodeState[T any](v *T) []byte {
	mustBePlain[T]()
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// StateOf is the state that EncodeState made of a T; false if there is none, or if it has another size.
// It is valid until the next StartCycle and must not be changed.
func StateOf[T any](c *Cycle) (*T, bool) {
	mustBePlain[T]()
	var zero T
	if uintptr(len(c.state)) != unsafe.Sizeof(zero) || len(c.state) == 0 {
		return nil, false
	}
	p := unsafe.Pointer(unsafe.SliceData(c.state))
	if uintptr(p)%unsafe.Alignof(zero) != 0 {
		t := new(T)
		copy(EncodeState(t), c.state)
		return t, true
	}
	return (*T)(p), true
}

// mustBePlain panics if T contains pointers. It reads what Go itself knows of the type, because package
// reflect would make every module larger.
func mustBePlain[T any]() {
	var zero T
	boxed := any(zero)
	typ := *(**struct{ size, pointers uintptr })(unsafe.Pointer(&boxed))
	if typ == nil || typ.pointers != 0 {
		panic("stowage: a state must be a type without pointers, strings, slices, maps, interfaces and functions")
	}
}
