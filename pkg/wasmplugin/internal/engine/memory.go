// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"sync/atomic"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/arena"
)

// MemoryBudget bounds the linear memory of all instances that share it. Windows do not count:
// their pages are the snapshot's.
type MemoryBudget struct {
	limit, used atomic.Int64
	changed     func(used int64)
}

// NewMemoryBudget makes a budget of limit bytes. Changed is told how many of them are used,
// whenever that changes, from any goroutine.
func NewMemoryBudget(limit int64, changed func(used int64)) *MemoryBudget {
	b := &MemoryBudget{changed: changed}
	b.SetLimit(limit)
	return b
}

// SetLimit changes the limit for what is taken from now on.
func (b *MemoryBudget) SetLimit(limit int64) { b.limit.Store(limit) }

// take takes n bytes, or gives them back if n is negative.
func (b *MemoryBudget) take(n int64) bool {
	if b == nil || n == 0 {
		return true
	}
	used := b.used.Add(n)
	ok := n < 0 || used <= b.limit.Load()
	if !ok {
		used = b.used.Add(-n)
	}
	b.changed(used)
	return ok
}

// memory is an instance's linear memory. It belongs to the goroutine that runs the instance.
type memory struct {
	linear *arena.Linear
	limit  int64
	// windows is how many bytes the host has asked the guest for, over its life: a guest may
	// keep a window that was replaced.
	windows int64
	budget  *MemoryBudget
	// taken is what counts against limit and budget, in bytes.
	taken int64
	// refused is set once the guest did not get what it asked for.
	refused bool
}

// Allocate is called by wazero, once, before the instance exists.
func (m *memory) Allocate(_, maximum uint64) experimental.LinearMemory {
	m.linear = arena.NewLinear(maximum)
	return m
}

// Reallocate makes the memory size bytes; nil tells the guest that it cannot have them.
func (m *memory) Reallocate(size uint64) []byte {
	own := max(int64(size)-m.windows, m.taken)
	more := own - m.taken
	if own > m.limit || !m.budget.take(more) {
		m.refused = true
		return nil
	}
	b := m.linear.Reallocate(size)
	if b == nil {
		m.budget.take(-more)
		m.refused = true
		return nil
	}
	m.taken = own
	return b
}

// Free is called when the instance closes, and again for one that did not come to be.
func (m *memory) Free() {
	m.linear.Free()
	m.budget.take(-m.taken)
	m.taken = 0
}
