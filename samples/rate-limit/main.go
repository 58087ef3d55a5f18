// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// rate-limit lets each namespace start so many pods per minute, with a burst.
//
// Each namespace has a bucket of tokens, and a pod that starts takes one. Permit takes it: that is asked about one
// pod after the other, once per placement. PreFilter refuses pods that would find none, before any node is looked
// at, and has each of them tried again when it is its turn. Unreserve gives back the token of a pod that does not start after all.
package main

import (
	"time"

	stowage "github.com/stowage-scheduler/stowage/sdk/go"
)

func init() { stowage.Register(newPolicy(), 0) }

func main() {}

var (
	_ stowage.Configurer         = (*policy)(nil)
	_ stowage.NeedsDeclarer      = (*policy)(nil)
	_ stowage.QueueingHintPlugin = (*policy)(nil)
	_ stowage.PreFilterPlugin    = (*policy)(nil)
	_ stowage.PermitPlugin       = (*policy)(nil)
	_ stowage.ReservePlugin      = (*policy)(nil)
)

type policy struct {
	others     limit
	namespaces map[string]limit
	// now is the time in nanoseconds since 1970.
	now func() int64
}

func newPolicy() *policy {
	return &policy{
		others: limit{perMinute: 60, burst: 10}, namespaces: map[string]limit{},
		now: func() int64 { return time.Now().UnixNano() },
	}
}

// limitOf is the limit of a namespace.
func (p *policy) limitOf(namespace string) limit {
	if l, ok := p.namespaces[namespace]; ok {
		return l
	}
	return p.others
}

// Needs asks for the one event that returns tokens: a pod that gives up its node is deleted, as far as the
// scheduler is concerned. Otherwise only time helps, for which there is Wake.
func (p *policy) Needs() stowage.Needs {
	return stowage.Needs{Events: []stowage.EventNeed{{Resource: "Pod", Actions: stowage.ActionDelete}}}
}

// QueueingHint tries the pod again if its namespace has got a token back.
func (p *policy) QueueingHint(pod *stowage.Pod, e *stowage.ClusterEvent) stowage.Hint {
	gone, namespace := e.OldPod(), pod.Namespace()
	if gone == nil || gone.Namespace() != namespace {
		return stowage.QueueSkip
	}
	if b := load(namespace, p.limitOf(namespace)); b.wait(p.now()) > 0 {
		return stowage.QueueSkip
	}
	return stowage.Queue
}

// PreFilter refuses pods for which there is no token. It takes none: no node may have room for the pod.
func (p *policy) PreFilter(_ *stowage.Cycle, pod *stowage.Pod) (stowage.PreFilterResult, stowage.Status) {
	b, now := load(pod.Namespace(), p.limitOf(pod.Namespace())), p.now()
	if b.wait(now) > 0 {
		return stowage.PreFilterResult{}, refuse(pod.Namespace(), &b, now)
	}
	return stowage.PreFilterResult{}, stowage.Skip()
}

// Permit takes a token.
func (p *policy) Permit(c *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node) stowage.PermitResult {
	b, now := load(pod.Namespace(), p.limitOf(pod.Namespace())), p.now()
	if b.wait(now) > 0 {
		return stowage.Deny(refuse(pod.Namespace(), &b, now))
	}
	if b.take(now); !b.store(pod.Namespace()) {
		return stowage.Deny(stowage.Error("there is no room for the tokens of more namespaces"))
	}
	c.SetState(taken)
	return stowage.Allow()
}

// taken is the state of a pod that has a token.
var taken = []byte{1}

// refuse has the pod tried again when it is its turn. The reason is the same each time, so that a pod's events
// do not pile up.
func refuse(namespace string, b *bucket, now int64) stowage.Status {
	stowage.Wake(stowage.Duration(b.promise(now) - now))
	b.store(namespace)
	return stowage.UnschedulableAndUnresolvable("namespace " + namespace + " starts at most " + b.limit.String())
}

// Reserve has nothing to do; it comes with Unreserve.
func (*policy) Reserve(*stowage.Cycle, *stowage.Pod, *stowage.Node) stowage.Status {
	return stowage.Success()
}

// Unreserve gives the pod's token back.
func (p *policy) Unreserve(c *stowage.Cycle, pod *stowage.Pod, _ *stowage.Node) {
	if len(c.State()) > 0 {
		giveBack(pod.Namespace())
	}
}
