// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// lost is the one pod that no node may take.
const lost = "atlantis"

// together names the groups of pods, by their label app, that binpack should put on one node.
var together = []string{"training", "batch"}

// check returns what is not as the policies want it, in words.
func check(results []result) []string {
	var problems []string
	for _, r := range results {
		problems = append(problems, checkPod(r)...)
	}
	for _, app := range together {
		nodes := map[string]bool{}
		for _, r := range results {
			if r.pod.Labels["app"] == app && r.stowage.node != nil {
				nodes[r.stowage.node.Name] = true
			}
		}
		if len(nodes) != 1 {
			problems = append(problems, fmt.Sprintf("binpack: the pods of %s are on %d nodes, want 1", app, len(nodes)))
		}
	}
	return problems
}

func checkPod(r result) []string {
	node, name := r.stowage.node, r.pod.Name
	switch {
	case name == lost && node != nil:
		return []string{fmt.Sprintf("zone-affinity: pod %s runs on %s, want it nowhere", name, node.Name)}
	case name == lost && !strings.Contains(r.stowage.reason, "zone-affinity"):
		return []string{fmt.Sprintf("zone-affinity: the event of pod %s does not name the policy: %q", name, r.stowage.reason)}
	case name == lost:
		return nil
	case node == nil:
		return []string{fmt.Sprintf("pod %s was not placed: %s", name, r.stowage.reason)}
	}
	var problems []string
	for label, nodeLabel := range map[string]string{zoneLabel: corev1.LabelTopologyZone, poolLabel: poolLabel} {
		if want, ok := r.pod.Labels[label]; ok && node.Labels[nodeLabel] != want {
			problems = append(problems, fmt.Sprintf("zone-affinity: pod %s wants %s=%s and is on %s with %q", name, label, want, node.Name, node.Labels[nodeLabel]))
		}
	}
	if last := name[len(name)-1:]; strings.ContainsAny(last, "0123456789") && !strings.HasSuffix(node.Name, last) {
		problems = append(problems, fmt.Sprintf("node-number: pod %s is on %s, want a node that ends in %s", name, node.Name, last))
	}
	return problems
}
