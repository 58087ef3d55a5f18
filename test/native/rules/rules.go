// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rules is the decisions of the policy zone-quota, which test/guests/zone-quota makes a Wasm
// policy of and test/native/plugin a native plugin: both are thin adapters, so that a difference in where
// pods go is one between the two ways to run a policy, and not one between two programs.
//
// The policy lets at most a number of pods of an application run in a zone, keeps pods to pools of nodes,
// and holds pods back until they are released. It uses as many extension points as one policy can.
//
// Nothing here keeps anything or has to be closed; all functions may be called concurrently. It is for
// host and guest, so it imports nothing.
package rules

// Name of the policy in both forms.
const Name = "zone-quota"

// Labels of pods.
const (
	// AppLabel is the application; pods without it may run anywhere.
	AppLabel = "quota/app"
	// PoolLabel is the pool whose nodes a pod needs; the same key is on nodes.
	PoolLabel = "quota/pool"
	// GateLabel holds a pod back for as long as it has it, unless it is urgent.
	GateLabel = "quota/gate"
	// RefuseLabel is the point at which a pod is refused on half of the nodes: Reserve or Permit.
	RefuseLabel = "quota/refuse"
)

// Labels of nodes.
const (
	ZoneLabel = "topology.kubernetes.io/zone"
	// ClosedLabel takes a node out of use.
	ClosedLabel = "quota/closed"
)

// Urgent is the priority from which on a pod is not held back.
const Urgent = 100_000

// Zones is how many zones there are; they are called "0" to "7".
const Zones = 8

// Reasons that users see.
const (
	ReasonHeld    = "waits to be released"
	ReasonNoPool  = "no node is in the pod's pool"
	ReasonClosed  = "node is closed"
	ReasonNoZone  = "node is in no zone"
	ReasonFull    = "zone has all the pods of this application that it may"
	ReasonReserve = "nothing can be reserved on this node"
	ReasonPermit  = "no permit for this node"
	ReasonState   = "the state of PreFilter did not reach PreBind"
)

// Pod is what matters of the pod that is scheduled.
type Pod struct {
	Name, UID               string
	App, Pool, Gate, Refuse string
	Priority                int32
}

// Node is what matters of a node.
type Node struct {
	Name, Zone, Pool, Closed string
	// Pods and MilliCPU are how many pods are on the node and what they request.
	Pods     int
	MilliCPU int64
}

// State is how many pods of the application run in each zone, and what Reserve noted.
type State struct {
	PerZone  [Zones]int32
	Reserved int32
}

// Zone is the index of a zone; -1 if there is no such zone.
func Zone(label string) int {
	if len(label) != 1 || label[0] < '0' || label[0] >= '0'+Zones {
		return -1
	}
	return int(label[0] - '0')
}

// Add counts n more pods of an application in a zone.
func (s *State) Add(pod *Pod, app, zone string, n int32) {
	if z := Zone(zone); z >= 0 && app == pod.App {
		s.PerZone[z] += n
	}
}

// Held tells whether the pod may not enter the queue.
func (p *Pod) Held() bool { return p.Gate != "" && p.Priority < Urgent }

// Free tells whether the policy has nothing to say about where the pod runs.
func (p *Pod) Free() bool { return p.App == "" }

// InPool tells whether a node is in the pod's pool.
func (p *Pod) InPool(pool string) bool { return p.Pool == "" || p.Pool == pool }
