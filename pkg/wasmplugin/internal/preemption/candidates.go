// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package preemption

import (
	"context"
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
)

// Helpful is the nodes on which evicting pods can help.
func (p *Preemptor) Helpful(nodes fwk.NodeToStatusReader) ([]fwk.NodeInfo, error) {
	list, err := nodes.NodesForStatusCode(p.nodes(), fwk.Unschedulable)
	if err != nil {
		return nil, fmt.Errorf("listing nodes that reject the pod: %w", err)
	}
	return list, nil
}

// Rankable is the nodes whose pods need ranks: the helpful ones with pods that may go for the pod, and
// those that such pods' groups are on.
func (p *Preemptor) Rankable(ctx context.Context, pod *v1.Pod, nodes fwk.NodeToStatusReader) ([]fwk.NodeInfo, error) {
	helpful, err := p.Helpful(nodes)
	if err != nil {
		return nil, err
	}
	if p.features.EnableGenericWorkload {
		return p.affected(ctx, pod, helpful)
	}
	return slices.DeleteFunc(slices.Clone(helpful), func(info fwk.NodeInfo) bool {
		return !slices.ContainsFunc(info.GetPods(), func(on fwk.PodInfo) bool {
			return p.Rules.Allow(Priority(on.GetPod()), Priority(pod))
		})
	}), nil
}

func (p *Preemptor) affected(ctx context.Context, pod *v1.Pod, helpful []fwk.NodeInfo) (out []fwk.NodeInfo, err error) {
	seen := map[string]bool{}
	for _, info := range helpful {
		victims, err := p.evaluator.GetVictimsOnNode(ctx, info)
		if err != nil {
			return nil, fmt.Errorf("looking for victims on node %q: %w", info.Node().Name, err)
		}
		for _, v := range victims {
			if !p.Rules.Allow(v.Priority(), Priority(pod)) {
				continue
			}
			for name, on := range v.AffectedNodes() {
				if !seen[name] {
					seen[name] = true
					out = append(out, on)
				}
			}
		}
	}
	return out, nil
}
