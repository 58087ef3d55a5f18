// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

// What is in this file runs while the scheduling queue is locked, for every pod that waits: it must
// be quick. There are no nodes then, Cycle.Nodes has none.

// PreEnqueuePlugin decides whether a pod may enter the queue of pods that are tried.
type PreEnqueuePlugin interface {
	// PreEnqueue returns Unschedulable to keep the pod out of the queue until an event that the
	// policy declared in Needs.Events, or an object's change, lets it ask again. It also runs each
	// time that the pod would come back after it failed.
	PreEnqueue(c *Cycle, pod *Pod) Status
}

// QueueSortPlugin orders the queue. All profiles of a scheduler must have the same one.
type QueueSortPlugin interface {
	// QueueSort is called once for each version of a pod; pods with lower keys are tried first. The
	// key must follow from the pod and the configuration.
	QueueSort(pod *Pod) SortKey
}

// SignPlugin tells which pods the policy treats alike, so that the scheduler can use what it found out
// about one for the next. The pods of a policy without it are scheduled one by one.
type SignPlugin interface {
	// Sign returns all that the policy looks at in the pod, in at most 256 bytes: equal signatures
	// mean equal verdicts and scores on each node. Unschedulable means that this pod is like no other.
	Sign(pod *Pod) ([]byte, Status)
}

// QueueingHintPlugin spares attempts that cannot succeed. Without it every event that is declared in
// Needs makes the scheduler try again the pods that the policy rejected.
type QueueingHintPlugin interface {
	// QueueingHint says whether the event may have made the pod schedulable, which the policy
	// rejected before. If in doubt return Queue: a pod that is left waits for another event.
	QueueingHint(pod *Pod, e *ClusterEvent) Hint
}

// Hint is what QueueingHint says.
type Hint uint32

// Hints.
const (
	// QueueSkip leaves the pod where it is.
	QueueSkip Hint = iota
	// Queue tries the pod again.
	Queue
)

// String is the name of the hint.
func (h Hint) String() string { return name(h, "QueueSkip", "Queue") }
