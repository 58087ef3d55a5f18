// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"runtime"
	"sync"
	"unsafe"
	"weak"
)

// perObject keeps what was worked out once for an object in memory, such as a version of a pod, for
// as long as that object exists. Informers replace objects and never change them, so it stays right.
//
// It refers to the objects weakly. Nothing else would tell when one is not needed any more: the
// scheduling queue holds on to pods that informers have long dropped or replaced, and asks about some of
// them again; to forget any that it holds would be wrong (see queueSortPoints), and to remember any
// that it does not would grow without bound. An entry goes when the garbage collector takes the object.
//
// All methods may be called concurrently. There is nothing to close.
type perObject[K, V any] struct {
	mu sync.RWMutex // guards of; never held while a value is worked out
	// of is by address, which takes half the time of a map by weak pointers. The address may be that of
	// an object that is gone: a cell tells.
	of map[uintptr]*cell[K, V]
}

// cell is the value of an object, which somebody works out until done is closed.
type cell[K, V any] struct {
	object weak.Pointer[K]
	done   chan struct{}
	value  V
}

// get is the value of an object, which the first caller works out while others wait.
func (c *perObject[K, V]) get(object *K, work func(*K) V) V {
	x := c.find(object)
	if x == nil {
		x = c.add(object, work)
	}
	<-x.done
	return x.value
}

func address[K any](object *K) uintptr { return uintptr(unsafe.Pointer(object)) }

func (c *perObject[K, V]) find(object *K) *cell[K, V] {
	c.mu.RLock()
	x := c.of[address(object)]
	c.mu.RUnlock()
	if x == nil || x.object.Value() != object {
		return nil
	}
	return x
}

// add works the value out, unless somebody else has begun to.
func (c *perObject[K, V]) add(object *K, work func(*K) V) *cell[K, V] {
	x, mine := c.claim(object)
	if mine {
		defer close(x.done)
		runtime.AddCleanup(object, forget[K, V], entry[K, V]{weak.Make(c), address(object), weak.Make(x)})
		x.value = work(object)
	}
	return x
}

// entry is a cell with where it was put.
type entry[K, V any] struct {
	of   weak.Pointer[perObject[K, V]]
	at   uintptr
	cell weak.Pointer[cell[K, V]]
}

func (c *perObject[K, V]) claim(object *K) (x *cell[K, V], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.of[address(object)]; x != nil && x.object.Value() == object {
		return x, false
	}
	if c.of == nil {
		c.of = map[uintptr]*cell[K, V]{}
	}
	x = &cell[K, V]{object: weak.Make(object), done: make(chan struct{})}
	c.of[address(object)] = x
	return x, true
}

// forget drops the entry of an object that is gone, unless another took its place.
func forget[K, V any](e entry[K, V]) {
	c := e.of.Value()
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.of[e.at]; x != nil && x == e.cell.Value() {
		delete(c.of, e.at)
	}
}

func (c *perObject[K, V]) size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.of)
}
