// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Zone-quota is the policy of test/native/rules in Wasm. It does what test/native/plugin does, and nothing
// else: what the two schedulers do with the same pods is compared.
package main

import (
	stowage "github.com/stowage-scheduler/stowage/sdk/go"
	"github.com/stowage-scheduler/stowage/sdk/go/config"
	"github.com/stowage-scheduler/stowage/test/native/rules"
)

// policy holds what follows from the configuration and the pod.
type policy struct {
	limit int32
	pod   rules.Pod
}

const reads = stowage.ReadPodLabels | stowage.ReadNodeLabels | stowage.ReadNodePods | stowage.ReadNodeTable

func init() { stowage.Register(&policy{}, reads) }

func main() {}

func (p *policy) Configure(raw []byte) error {
	c := config.Parse(raw)
	p.limit = int32(c.Int("limit", 1, 1, 1000))
	return c.Err()
}

func (p *policy) Needs() stowage.Needs {
	return stowage.Needs{Events: []stowage.EventNeed{
		{Resource: "Node", Actions: stowage.ActionAdd | stowage.ActionUpdateNodeLabels},
		{Resource: "Pod", Actions: stowage.ActionDelete | stowage.ActionUpdatePodLabels},
	}}
}

func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) { p.pod = podOf(pod) }

func podOf(pod *stowage.Pod) rules.Pod {
	r := rules.Pod{Name: pod.Name(), UID: pod.UID(), Priority: pod.Priority()}
	r.App, _ = pod.Label(rules.AppLabel)
	r.Pool, _ = pod.Label(rules.PoolLabel)
	r.Gate, _ = pod.Label(rules.GateLabel)
	r.Refuse, _ = pod.Label(rules.RefuseLabel)
	return r
}

func nodeOf(node *stowage.Node) rules.Node {
	r := rules.Node{Name: node.Name(), Zone: node.Zone(), Pods: node.PodCount(), MilliCPU: node.Requested().MilliCPU}
	r.Pool, _ = node.Label(rules.PoolLabel)
	r.Closed, _ = node.Label(rules.ClosedLabel)
	return r
}

// rejected is the status of a pod for a reason, success if there is none.
func rejected(reason string) stowage.Status {
	if reason == "" {
		return stowage.Success()
	}
	return stowage.Unschedulable(reason)
}
