// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plugin is the policy of test/native/rules as a plugin of the scheduling framework, written as
// its author would without Stowage. It is what the same policy in Wasm is compared with.
//
// A Plugin keeps nothing but its configuration, so it needs no closing and all methods may be called
// concurrently.
package plugin

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/component-helpers/scheduling/corev1"
	fwk "k8s.io/kube-scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/stowage-scheduler/stowage/test/native/rules"
)

// Plugin is the policy.
type Plugin struct {
	handle fwk.Handle
	limit  int32
}

var (
	_ fwk.PreEnqueuePlugin    = &Plugin{}
	_ fwk.EnqueueExtensions   = &Plugin{}
	_ fwk.PreFilterPlugin     = &Plugin{}
	_ fwk.PreFilterExtensions = &Plugin{}
	_ fwk.FilterPlugin        = &Plugin{}
	_ fwk.PreScorePlugin      = &Plugin{}
	_ fwk.ScorePlugin         = &Plugin{}
	_ fwk.ScoreExtensions     = &Plugin{}
	_ fwk.ReservePlugin       = &Plugin{}
	_ fwk.PermitPlugin        = &Plugin{}
	_ fwk.PreBindPlugin       = &Plugin{}
)

// args is what the operator configures: how many pods of an application a zone may have.
type args struct {
	Limit int32 `json:"limit"`
}

// New is the plugin's factory. It has no SignPod, as the Wasm policy has no Sign.
func New(_ context.Context, raw runtime.Object, handle fwk.Handle) (fwk.Plugin, error) {
	var a args
	if err := frameworkruntime.DecodeInto(raw, &a); err != nil {
		return nil, fmt.Errorf("reading the arguments: %w", err)
	}
	return &Plugin{handle: handle, limit: a.Limit}, nil
}

// Name of the plugin.
func (*Plugin) Name() string { return rules.Name }

// podOf is what the rules want to know of a pod.
func podOf(pod *v1.Pod) *rules.Pod {
	return &rules.Pod{
		Name: pod.Name, UID: string(pod.UID), Priority: corev1.PodPriority(pod),
		App: pod.Labels[rules.AppLabel], Pool: pod.Labels[rules.PoolLabel],
		Gate: pod.Labels[rules.GateLabel], Refuse: pod.Labels[rules.RefuseLabel],
	}
}

// nodeOf is what the rules want to know of a node without its pods.
func nodeOf(node *v1.Node) *rules.Node {
	return &rules.Node{
		Name: node.Name, Zone: node.Labels[rules.ZoneLabel],
		Pool: node.Labels[rules.PoolLabel], Closed: node.Labels[rules.ClosedLabel],
	}
}

// infoOf is what the rules want to know of a node.
func infoOf(info fwk.NodeInfo) *rules.Node {
	n := nodeOf(info.Node())
	n.Pods, n.MilliCPU = len(info.GetPods()), info.GetRequested().GetMilliCPU()
	return n
}

// Words that a Wasm policy's reasons begin with: users must be told which policy rejects.
const (
	aboutNode = "node(s) rejected by " + rules.Name + ": "
	aboutPod  = "pod rejected by " + rules.Name + ": "
)

// rejected is the status of a pod for a reason, nil if there is none.
func rejected(reason string) *fwk.Status {
	if reason == "" {
		return nil
	}
	return fwk.NewStatus(fwk.Unschedulable, aboutPod+reason)
}
