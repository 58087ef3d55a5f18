// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package preemption evicts pods through the scheduler's own preemption: its dry run, its budgets,
// extenders, events, conditions and metrics, and its background evictions. It decides which pods may
// go by rules and ranks that others give it, and knows nothing of guests.
//
// Ownership: a Preemptor owns nothing but notes in memory and needs no closing. Evictions that it
// began in the background end by themselves, as the scheduler's own do.
//
// Concurrency: Running may be called from any goroutine at any time, also under the scheduling
// queue's lock. Everything else belongs to the scheduling cycle, one call at a time.
package preemption
