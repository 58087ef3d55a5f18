// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package stowage

import "slices"

// NeedsDeclarer declares what the policy wants of the host.
type NeedsDeclarer interface {
	// Needs is called once, after Configure. It must follow from the configuration alone.
	Needs() Needs
}

// Needs is what a policy with its configuration wants of the host.
type Needs struct {
	// Events are what may make a pod schedulable that the policy rejected, 64 at most. If it is nil,
	// every event may, which costs attempts that cannot succeed; if it is empty but not nil, no event:
	// for a policy that waits for objects, or for the time to pass (Wake).
	Events []EventNeed
	// Objects are the cluster objects that the policy reads, by ObjectsPlugin or FindObject. Their
	// changes make the scheduler try again pods that the policy rejected, too. 16 at most. Each needs
	// the capability "objects:" with its resource without the version.
	Objects []ObjectNeed
	// Accounts are the ways in which Used sums up what pods request. 8 at most. They need the
	// capability "ledger".
	Accounts []AccountNeed
}

// EventNeed is a kind of events.
type EventNeed struct {
	// Resource is one that the scheduler watches: "Pod", "Node", "PersistentVolumeClaim", ...
	Resource string
	Actions  Action
}

// ObjectNeed is a kind of cluster objects.
type ObjectNeed struct {
	// Resource is "configmaps.v1" or "elasticquotas.v1alpha1.scheduling.x-k8s.io".
	Resource string
	// Namespace, LabelSelector and FieldSelector restrict which, in the syntax of kubectl; empty ones
	// do not.
	Namespace, LabelSelector, FieldSelector string
}

// AccountNeed is a way to assign pods to accounts.
type AccountNeed struct {
	// Label is the key of the pod label whose value is the account; pods without it belong to none.
	// If it is "", the account is the pod's namespace.
	Label string
}

// clone shares nothing with the policy, which could change it later.
func (n Needs) clone() Needs {
	return Needs{slices.Clone(n.Events), slices.Clone(n.Objects), slices.Clone(n.Accounts)}
}
