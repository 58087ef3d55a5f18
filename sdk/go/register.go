// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import (
	"github.com/stowage-scheduler/stowage/sdk/go/internal/abi"
	"github.com/stowage-scheduler/stowage/sdk/go/internal/hook"
)

// Reads says which optional parts of nodes and pods a policy reads. What no policy reads costs
// the scheduler nothing, so declare what you use and no more: an accessor whose part was not
// declared panics and says which constant to add.
type Reads uint64

// Parts of nodes.
const (
	ReadNodeLabels      = Reads(abi.NodeLabels)
	ReadNodeTaints      = Reads(abi.NodeTaints)
	ReadNodeExtended    = Reads(abi.NodeExtended)
	ReadNodeConditions  = Reads(abi.NodeConditions)
	ReadNodeImages      = Reads(abi.NodeImages)
	ReadNodeAnnotations = Reads(abi.NodeAnnotations)
	ReadNodePods        = Reads(abi.NodePods)
	ReadNodePorts       = Reads(abi.NodePorts)
	// ReadNodeTable is for policies that look at all nodes at once, with Cycle.Nodes: the host
	// then brings every node up to date before each cycle, not only those it asks about.
	ReadNodeTable = Reads(abi.NodeTable)
)

// Parts of the pod that is being scheduled.
const (
	ReadPodLabels      = Reads(abi.PodLabels)
	ReadPodAnnotations = Reads(abi.PodAnnotations)
	ReadPodTolerations = Reads(abi.PodTolerations)
	ReadPodAffinity    = Reads(abi.PodAffinity)
	ReadPodContainers  = Reads(abi.PodContainers)
	ReadPodVolumes     = Reads(abi.PodVolumes)
	ReadPodOwners      = Reads(abi.PodOwners)
)

// always is declared for every policy: what it guards is reached through a part that is not.
const always = Reads(1 << 63)

// parts name what reads each part, for the message to authors who forgot to declare one.
var parts = map[Reads]struct{ accessor, flag string }{
	ReadNodeLabels:      {"Node.Label or Node.Labels", "ReadNodeLabels"},
	ReadNodeTaints:      {"Node.Taints", "ReadNodeTaints"},
	ReadNodeExtended:    {"Node.Extended or Node.ExtendedResources", "ReadNodeExtended"},
	ReadNodeConditions:  {"Node.Conditions", "ReadNodeConditions"},
	ReadNodeImages:      {"Node.Images", "ReadNodeImages"},
	ReadNodeAnnotations: {"Node.Annotation or Node.Annotations", "ReadNodeAnnotations"},
	ReadNodePods:        {"Node.Pods", "ReadNodePods"},
	ReadNodePorts:       {"Node.Ports", "ReadNodePorts"},
	ReadNodeTable:       {"Cycle.Nodes", "ReadNodeTable"},
	ReadPodLabels:       {"Pod.Label or Pod.Labels", "ReadPodLabels"},
	ReadPodAnnotations:  {"Pod.Annotation or Pod.Annotations", "ReadPodAnnotations"},
	ReadPodTolerations:  {"Pod.Tolerations or Pod.Tolerates", "ReadPodTolerations"},
	ReadPodAffinity:     {"Pod's node selector, affinity or topology spread", "ReadPodAffinity"},
	ReadPodContainers:   {"Pod.Containers", "ReadPodContainers"},
	ReadPodVolumes:      {"Pod.Volumes", "ReadPodVolumes"},
	ReadPodOwners:       {"Pod.Owners or Pod.Controller", "ReadPodOwners"},
}

// Configurer takes the configuration that the operator wrote for the policy.
type Configurer interface {
	// Configure is called once, before anything else. config is JSON, empty if the operator
	// gave none, and valid during the call only. An error keeps the policy from being loaded;
	// report every problem in one (errors.Join), so that the operator can mend them together.
	Configure(config []byte) error
}

// CycleStarter derives once per pod what calls per node need.
type CycleStarter interface {
	// StartCycle runs before an instance's first call about a pod, whichever that is, and again when
	// there is a new state or ObjectChanged ran. The host runs many instances of a policy at once, and
	// any of them may be asked about any node, so what StartCycle leaves in the policy must follow from
	// the pod, the state, the objects and the configuration alone. Calls about a PodGroup have no pod
	// and no StartCycle.
	StartCycle(c *Cycle, pod *Pod)
}

// PreFilterPlugin looks at the pod before any node.
type PreFilterPlugin interface {
	PreFilter(c *Cycle, pod *Pod) (PreFilterResult, Status)
}

// FilterPlugin decides whether a node can take the pod.
type FilterPlugin interface {
	// Filter must judge the node that it is given: during preemption that is the node as it
	// would be without its victims. It must not keep notes between nodes.
	Filter(c *Cycle, pod *Pod, node *Node) Status
}

// PreScorePlugin looks at all nodes that passed Filter before they are scored.
type PreScorePlugin interface {
	PreScore(c *Cycle, pod *Pod, nodes Nodes) Status
}

// ScorePlugin ranks a node that passed Filter.
type ScorePlugin interface {
	// Score returns MinScore to MaxScore, or any number if the policy has NormalizeScore. A
	// status other than success fails the pod's scheduling attempt.
	Score(c *Cycle, pod *Pod, node *Node) (int64, Status)
}

// NormalizeScorePlugin brings the scores of all nodes into MinScore to MaxScore.
type NormalizeScorePlugin interface {
	// NormalizeScore changes scores in place; scores[i] is that of nodes.At(i).
	NormalizeScore(c *Cycle, pod *Pod, nodes Nodes, scores []int64) Status
}

// Scores after normalization lie in this range.
const (
	MinScore = abi.MinScore
	MaxScore = abi.MaxScore
)

// Register makes policy the one that this module serves. It answers the extension points whose
// interfaces policy implements. Call it once, from init, and leave main empty. It panics if
// policy implements no extension point, which is most often a method with a wrong signature.
func Register(policy any, reads Reads) {
	if registered != nil {
		panic("stowage: Register was called twice; a module serves one policy")
	}
	registered = newDriver(policy, reads)
}

// registered is written by init functions only.
var registered *driver

func init() {
	hook.New = func(policy any, reads uint64) hook.Driver { return newDriver(policy, Reads(reads)) }
}
