// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stowage is for writing scheduling policies in Go: code that a Kubernetes scheduler
// runs, in a sandbox, to decide where pods may and should go.
//
// A policy is a type with some of the scheduling framework's methods. It registers itself and
// is built by the stock Go toolchain into one WebAssembly file:
//
//	type policy struct{ zone string }
//
//	func (p *policy) StartCycle(_ *stowage.Cycle, pod *stowage.Pod) {
//		p.zone, _ = pod.Label("example.com/zone")
//	}
//
//	func (p *policy) Filter(_ *stowage.Cycle, _ *stowage.Pod, node *stowage.Node) stowage.Status {
//		if p.zone != "" && !node.InZone(p.zone) {
//			return stowage.UnschedulableAndUnresolvable("not in the zone that the pod asks for")
//		}
//		return stowage.Success()
//	}
//
//	func init() { stowage.Register(&policy{}, stowage.ReadPodLabels) }
//
//	func main() {}
//
// # How a policy is called
//
// The scheduler runs several instances of a policy, each on its own memory, and starts and
// drops them at will. An instance is called by one goroutine at a time, in this order:
// Configure and Needs once; then, for a pod, StartCycle, followed by any of the other methods for
// that pod. Filter is called for as many nodes as the scheduler wants, in any order, by any
// instance, and again during preemption. So nothing that a policy keeps may matter but what
// Configure, ObjectChanged and StartCycle leave; what PreFilter finds out by looking at all nodes
// goes into its State, which EncodeState and StateOf give a type. PreScore, Score and NormalizeScore
// usually run in one instance, but the scheduler may score a late node alone in another. Points of
// the queue and of the binding cycle run in instances that see no nodes but the chosen one.
//
// # What it is handed
//
// Pod, Node and what they return are views of the scheduler's own records, which nothing is
// copied for. A node and its strings are valid during the call, the pod and its strings until
// the next StartCycle. strings.Clone what is kept longer. A policy declares in Register which
// parts it reads; what no policy reads costs the scheduler nothing.
//
// # Fast policies
//
// Go's Wasm has its own prices: == on strings compares byte by byte, and a signed division is a
// call. LabelIs, InZone and InRegion compare where strings are; a division of two unsigned
// numbers is one instruction. Make reasons in StartCycle, not per node. Packages fmt,
// encoding/json and time make a module up to twice as large; package config reads a policy's
// configuration without them.
//
// Package stowagetest tests policies with plain "go test".
package stowage
