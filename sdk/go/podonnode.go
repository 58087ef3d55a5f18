// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "github.com/stowage-scheduler/stowage/sdk/go/internal/abi"

// PodOnNode is a pod that runs on a node, or is assumed to.
type PodOnNode struct {
	v   *view
	rec *abi.PodOnNode
}

// Name of the pod.
func (p PodOnNode) Name() string { return p.v.str(p.rec.Name) }

// Namespace of the pod.
func (p PodOnNode) Namespace() string { return p.v.str(p.rec.Namespace) }

// UID of the pod.
func (p PodOnNode) UID() string { return p.v.str(p.rec.UID) }

// Priority of the pod.
func (p PodOnNode) Priority() int32 { return p.rec.Priority }

// HostNetwork reports whether the pod uses the node's network.
func (p PodOnNode) HostNetwork() bool { return p.rec.Flags&abi.PodHostNetwork != 0 }

// Terminating reports whether the pod is being deleted.
func (p PodOnNode) Terminating() bool { return p.rec.Flags&abi.PodTerminating != 0 }

// Requests is the pod's total.
func (p PodOnNode) Requests() Quantities { return Quantities{p.v, &p.rec.Requests, p.rec.Extended} }

// Label looks a label up.
func (p PodOnNode) Label(key string) (string, bool) {
	return p.v.label(ReadNodePods, p.rec.Labels, key)
}

// Labels of the pod.
func (p PodOnNode) Labels() Labels { return Labels{p.v, p.rec.Labels} }

// Controller is the kind and name of the object that manages the pod; both are "" if none does.
func (p PodOnNode) Controller() (kind, name string) {
	return p.v.str(p.rec.OwnerKind), p.v.str(p.rec.OwnerName)
}
