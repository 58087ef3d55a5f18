// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	internalqueue "k8s.io/kubernetes/pkg/scheduler/backend/queue"

	"github.com/stowage-scheduler/stowage/test/perf/native"
)

const wantedZone = native.ZoneLabel

// registered is what the guest declares.
var registered = fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.Add | fwk.UpdateNodeLabel}

// changed is the event of the benchmark.
var changed = fwk.ClusterEvent{Resource: fwk.Node, ActionType: fwk.UpdateNodeLabel}

// hintsOf is what the scheduler makes of a plugin's events; no plugin here registers all pods' events.
func hintsOf(ctx context.Context, p fwk.EnqueueExtensions) (internalqueue.QueueingHintMap, error) {
	events, err := p.EventsToRegister(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking %s for events: %w", p.Name(), err)
	}
	hints := internalqueue.QueueingHintMap{}
	for _, e := range events {
		hints[e.Event] = append(hints[e.Event], &internalqueue.QueueingHintFunction{PluginName: p.Name(), QueueingHintFn: e.QueueingHintFn})
	}
	return hints, nil
}

// nativeHints is the guest's hint in Go, under its name.
func nativeHints(name string) internalqueue.QueueingHintMap {
	return internalqueue.QueueingHintMap{registered: {{PluginName: name, QueueingHintFn: nativeHint}}}
}

func nativeHint(_ klog.Logger, pod *v1.Pod, _, updated any) (fwk.QueueingHint, error) {
	node, ok := updated.(*v1.Node)
	if !ok {
		return fwk.Queue, nil
	}
	wanted, bound := pod.Labels[wantedZone]
	zone, ok := node.Labels[v1.LabelTopologyZone]
	if bound && (!ok || zone != wanted) {
		return fwk.QueueSkip, nil
	}
	return fwk.Queue, nil
}
