// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/test/native/rules"
)

func (p *policy) PreEnqueue(*stowage.Cycle, *stowage.Pod) stowage.Status {
	if p.pod.Held() {
		return stowage.Unschedulable(rules.ReasonHeld)
	}
	return stowage.Success()
}

func (p *policy) QueueingHint(_ *stowage.Pod, e *stowage.ClusterEvent) stowage.Hint {
	if e.Resource() == "Node" {
		return hint(p.wokenByNode(e))
	}
	return hint(p.wokenByPod(e))
}

func (p *policy) wokenByNode(e *stowage.ClusterEvent) bool {
	updated := nodeOf(e.NewNode())
	if e.OldNode() == nil {
		return rules.WakesAdded(&p.pod, &updated)
	}
	old := nodeOf(e.OldNode())
	return rules.WakesLabels(&p.pod, &old, &updated)
}

func (p *policy) wokenByPod(e *stowage.ClusterEvent) bool {
	if updated := e.NewPod(); updated != nil {
		return rules.WakesUpdated(&p.pod, updated.UID())
	}
	gone := e.OldPod()
	app, _ := gone.Label(rules.AppLabel)
	return rules.WakesDeleted(&p.pod, gone.UID(), app)
}

func hint(wakes bool) stowage.Hint {
	if wakes {
		return stowage.Queue
	}
	return stowage.QueueSkip
}
