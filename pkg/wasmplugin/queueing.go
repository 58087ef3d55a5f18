// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"sync/atomic"

	v1 "k8s.io/api/core/v1"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

// queueing is what a policy remembers for the points that run while the scheduling queue is locked, so
// that they take as little time as they can.
type queueing struct {
	// keys is where QueueSort put pods.
	keys perObject[v1.Pod, sortKey]
	// respite is for hints and signatures.
	respite respite
	// gates is what PreEnqueue remembers of pods.
	gates perObject[v1.Pod, *gate]
	// memory is for the current module.
	memory atomic.Pointer[queueMemory]
}

// queueMemory is what is remembered of pods and events as a module sees them.
type queueMemory struct {
	module *running
	store  *snapshot.Store
	// pods is the records of pods. The queue asks about the same versions of them again and again.
	pods perObject[v1.Pod, []byte]
	// event is the latest event. The queue asks about each pod in turn whether it is of any use.
	event atomic.Pointer[clusterEvent]
}

// queueMemory is the memory for a module, which begins empty when there is another module.
func (p *policy) queueMemory(l *running) *queueMemory {
	q := &p.queueing
	m := q.memory.Load()
	if m == nil || m.module != l {
		m = &queueMemory{module: l, store: p.store}
		q.memory.Store(m)
		if p.module.Load() != l {
			// It was replaced meanwhile, and must not be kept by what nobody looks at any more.
			q.memory.CompareAndSwap(m, nil)
		}
	}
	return m
}

// pod is the record of a pod.
func (m *queueMemory) pod(pod *v1.Pod) []byte { return m.pods.get(pod, m.encode) }

func (m *queueMemory) encode(pod *v1.Pod) []byte {
	return m.store.EncodePod(pod, m.module.about.Reads)
}

// queued is brief for a point that runs while the scheduling queue is locked.
func (p *policy) queued(at *point, pod *v1.Pod) *attempt {
	a := p.admitted(at, pod, queueLimit)
	if a.module != nil {
		p.equip(a, a.module.queue, p.queueMemory(a.module).pod(pod))
	}
	return a
}
