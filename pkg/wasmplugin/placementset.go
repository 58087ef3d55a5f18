// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"strconv"
	"strings"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/engine"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
)

// placeable is a node of a call about placements. The scheduler takes only the NodeInfos that it
// handed out.
type placeable struct {
	info fwk.NodeInfo
	// in is 1 + the index of the latest placement that has the node.
	in int
}

// placementsOf makes placements of nodes from those of slots. Like the framework's own generator it
// drops those without nodes, on which nothing fits, and lets them overlap.
func placementsOf(answers []guest.Placement, slots []uint32, nodes []fwk.NodeInfo) (out []*fwk.Placement, err error) {
	known := make(map[uint32]*placeable, len(slots))
	for i, slot := range slots {
		known[slot] = &placeable{info: nodes[i]}
	}
	names := uniqueNames{}
	for i, answer := range answers {
		members, err := placed(known, &answer, i+1)
		if err != nil {
			return nil, err
		}
		if len(members) > 0 {
			out = append(out, &fwk.Placement{Name: names.next(answer.Name), Nodes: members})
		}
	}
	return out, nil
}

// placed is the nodes of one placement, which is a set: the scheduler would take a list with repeated
// nodes for all nodes once it is as long.
func placed(known map[uint32]*placeable, answer *guest.Placement, number int) (members []fwk.NodeInfo, err error) {
	for _, slot := range answer.Slots {
		node, ok := known[slot]
		if !ok {
			return nil, engine.Violation(abi.ExportGeneratePlacements, "placement %q has slot %#x, which the call is not about", answer.Name, slot)
		}
		if node.in != number {
			node.in = number
			members = append(members, node.info)
		}
	}
	return members, nil
}

// uniqueNames makes different names of equal ones; they are for people. It counts how often each was
// asked for.
type uniqueNames map[string]int

func (u uniqueNames) next(name string) string {
	name = strings.ToValidUTF8(name, "\ufffd")
	if name == "" {
		name = "placement"
	}
	unique := name
	for u[unique] > 0 {
		u[name]++
		unique = name + "-" + strconv.Itoa(u[name])
	}
	u[unique]++
	return unique
}
